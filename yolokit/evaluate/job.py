"""The val job: options, model, data set, and the report."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import yolokit
from yolokit.core.events import Notice, OnEvent, Progress, ignore
from yolokit.core.findings import Finding, require_allowed
from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.datasets.check import UNUSABLE, check_labels
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.splits import iter_split, list_split_images
from yolokit.evaluate.analysis import Analysis
from yolokit.evaluate.config import RUNS, ValConfig
from yolokit.evaluate.run import THRESHOLDS, evaluate_model
from yolokit.evaluate.trained import TrainedFigures, find_trained
from yolokit.evaluate.val_page import COMMAND, make_page
from yolokit.files.atomic import claim_folder, publish_file
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import Replacing, Result, check_output, read_object
from yolokit.files.spell import encode_json
from yolokit.metrics.coco import BoxMetrics
from yolokit.report.render import is_made_by, render_page
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.errors import DataError

REPORT_NAME, PAGE_NAME = "metrics.json", "report.html"
SCHEMA_VERSION = 1
_ERRORS_SHOWN = 5
_NUMBERS = re.compile(rb"\[([\s\d.,eE+-]+)\]")


class ValReport(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of a model on a split, and what they were measured with.

    Attributes:
        model: Path of the ONNX file, as it was given.
        model_sha256: What the file was.
        data: Absolute path of the ``data.yaml``.
        split: The split that was evaluated.
        conf: As in :class:`ValConfig`, like ``iou`` and ``max_det``.
        iou: See there.
        max_det: See there; ``max_count`` in the file.
        provider: The execution provider that ran the model.
        threads: Its threads.
        images: Images of the split, those without labels included.
        unreadable: Images that could not be read, and so are in no figure.
        wall_s: Time for all images, reading included.
        extra_classes: Classes of the model that the data set does not have; what the model
            found of them was left out.
        limits: What the model leaves out by itself, though it was asked for: the figures are
            lower than those of the same model without.
        overall: Means over the classes that have true boxes.
        classes: One for each class of the data set.
        notes: What is odd about the labels, one sentence each.
        input_wh: Width and height in px of the square or rectangle that the model takes.
        precision: What the model's file is in, such as ``fp32``. Earlier versions wrote None for a
            file that does not tell.
        computed_in: What the provider computed a file of FP32 in. None in a file of an earlier
            version.
        trained: What the training run measured on the same split of the same data, if it lies
            beside the model.
        analysis: What goes wrong, and where: confusion, curves, errors, worst images. None in a
            file of version 0.1.0.
        schema_version: Raised when a key changes its meaning.
        yolokit_version: What measured it.
    """

    model: str
    model_sha256: str
    data: str
    split: str
    conf: float
    iou: float
    max_det: int = msgspec.field(name="max_count")
    provider: str
    threads: int
    images: int
    unreadable: int = 0
    wall_s: float
    extra_classes: tuple[str, ...]
    limits: tuple[str, ...]
    overall: BoxMetrics
    classes: tuple[BoxMetrics, ...]
    notes: tuple[str, ...] = ()
    input_wh: tuple[int, int] | None = None
    precision: str | None = None
    computed_in: str | None = None
    trained: TrainedFigures | None = None
    analysis: Analysis | None = None
    schema_version: int = SCHEMA_VERSION
    yolokit_version: str = yolokit.__version__

    @property
    def max_count(self) -> int:
        """What ``max_det`` was called before."""
        return self.max_det


class ValRun(msgspec.Struct, frozen=True):
    """A finished evaluation.

    Attributes:
        report: Its figures.
        path: The ``metrics.json`` that they were written to, if any.
        task: The model's.
        page: The ``report.html``, if one was asked for.
    """

    report: ValReport
    path: Path | None
    task: Task
    page: Path | None = None


def validate_model(config: ValConfig, on_event: OnEvent = ignore) -> ValRun:
    """Evaluate a model on a data set, and write the report if that is asked for.

    Args:
        config: Made by :meth:`ValConfig.build`.
        on_event: Told what is odd about model and labels, and the number of images done.

    Raises:
        YolokitError: As :func:`open_job`, :meth:`ValJob.run` and :func:`write_report`.
    """
    job = open_job(config)
    detector = job.predictor.detector
    for note in (*job.notes, *detector.notes):
        on_event(Notice(f"note: {note}"))
    for limit in job.limits:
        on_event(Notice(f"note: {limit}; the figures do not include what that leaves out"))
    report = job.run(on_event)
    path = write_report(report, config)
    page = path.with_name(PAGE_NAME) if path is not None and config.report else None
    return ValRun(report, path, detector.manifest.head.task, page)


@dataclass(frozen=True, slots=True)
class ValJob:
    """An evaluation that is ready to run; ``notes`` and ``limits`` as in :class:`ValReport`."""

    config: ValConfig
    data: DataYaml
    predictor: Predictor
    notes: tuple[str, ...]
    limits: tuple[str, ...]

    def run(self, on_event: OnEvent = ignore) -> ValReport:
        """Evaluate the model; nothing is written.

        Raises:
            ConfigError: The classes of the model and of the data set do not fit together.
            DataError: There is no image, or an image or its labels are missing or wrong; all
                images that cannot be read are named at once, unless that is allowed.
            InferenceError: The model failed.
        """
        config, detector = self.config, self.predictor.detector
        total = sum(1 for _ in list_split_images(self.data, config.split))
        unreadable: list[DataError] = []
        manifest = detector.manifest
        weights_sha256 = manifest.provenance.weights_sha256
        trained = find_trained(Path(config.model), weights_sha256, self.data, config.split)
        result = evaluate_model(
            self.predictor,
            iter_split(self.data, config.split, unreadable),
            self.data.names,
            unreadable=unreadable,
            on_progress=lambda done: on_event(Progress("evaluating", done, total)),
            min_precisions=_choose_precisions(config, trained),
        )
        if unreadable:
            require_allowed([_describe_unreadable(unreadable)], config.allow)
        return ValReport(
            model=str(config.model),
            model_sha256=sha256_file(Path(config.model)),
            data=str(self.data.path),
            split=config.split,
            conf=config.conf,
            iou=config.iou,
            max_det=config.max_det,
            provider=detector.provider,
            threads=detector.threads,
            images=result.images,
            unreadable=len(unreadable),
            wall_s=result.wall_s,
            extra_classes=result.extra_classes,
            limits=self.limits,
            overall=result.metrics.overall,
            classes=result.metrics.classes,
            notes=self.notes,
            input_wh=manifest.io.input_wh,
            precision=manifest.provenance.precision,
            computed_in=detector.precision,
            trained=trained,
            analysis=result.analysis,
        )


def _choose_precisions(config: ValConfig, trained: TrainedFigures | None) -> list[float]:
    """Return the precisions to find a recall at: the option's, and that of the training."""
    asked = [] if config.recall_at is None else [config.recall_at]
    known = map(float, trained.recall_at) if trained is not None else ()
    return list(dict.fromkeys((*asked, *known)))


def _describe_unreadable(errors: Sequence[DataError]) -> Finding:
    shown = "; ".join(map(str, errors[:_ERRORS_SHOWN]))
    more = f"; and {len(errors) - _ERRORS_SHOWN} more" if len(errors) > _ERRORS_SHOWN else ""
    what = counted(len(errors), "image")
    return Finding(UNUSABLE, f"{what} of the split cannot be read: {shown}{more}")


def open_job(config: ValConfig) -> ValJob:
    """Read the data set's description and load the model; nothing is written.

    Raises:
        ConfigError: The data set has no such split; the message names those it has.
        DataError: The data set's description is wrong, or its labels are.
        OutputExistsError: There is something that is not to be replaced.
        InferenceError: The model cannot be loaded.
    """
    folder = config.folder
    if folder is not None:
        check_output(folder / REPORT_NAME, _replacing(config, _RESULT))
        if config.report:
            check_output(folder / PAGE_NAME, _replacing(config, _PAGE))
    data = load_data_yaml(Path(config.data), need=(config.split,))
    notes = check_labels(data, config.split)  # before the model is loaded: it takes longest
    spec = PredictorSpec(
        model=str(config.model),
        provider=config.provider,
        threads=config.threads,
        precision=config.precision or "fp32",
        thresholds=replace(THRESHOLDS, conf=config.conf, iou=config.iou, max_det=config.max_det),
    )
    predictor = Predictor.load(spec)
    limits = predictor.detector.explain_limits(conf=config.conf, iou=None, max_det=config.max_det)
    return ValJob(config, data, predictor, tuple(notes), tuple(limits))


def write_report(report: ValReport, config: ValConfig) -> Path | None:
    """Write ``metrics.json``, and ``report.html`` if it is asked for, each whole or not at all.

    Returns:
        The path of ``metrics.json``; None where no file is asked for.

    Raises:
        OutputExistsError: It exists and is not to be replaced.
        ConfigError: Its folder cannot be made.
    """
    folder = config.folder
    if folder is None:
        if config.report_only and not config.report:
            return None
        stem = f"{Path(config.model).stem}-{config.split}"
        folder = claim_folder(None, parent=RUNS, stem=stem)
    page = render_page(make_page(report)) if config.report else None
    path = folder / REPORT_NAME
    with publish_file(path, _replacing(config, _RESULT)) as part:
        part.write_bytes(_lay_out(encode_json(report)))
    if page is not None:
        with publish_file(folder / PAGE_NAME, _replacing(config, _PAGE)) as part:
            part.write_text(page, "utf-8")
    return path


def _lay_out(content: bytes) -> bytes:
    """Return JSON with a line for each value, but lists of numbers on one line."""
    spread = msgspec.json.format(content, indent=2) + b"\n"
    return _NUMBERS.sub(lambda found: b"[%s]" % b" ".join(found[1].split()), spread)


def _replacing(config: ValConfig, result: Result) -> Replacing:
    return Replacing(
        result=result, wanted=config.overwrite, keep=(Path(config.model), Path(config.data))
    )


def _recognise(path: Path) -> tuple[()] | None:
    keys = {"model_sha256", "split", "overall", "classes"}
    return () if keys <= read_object(path).keys() else None


def _recognise_page(path: Path) -> tuple[()] | None:
    return () if is_made_by(path, COMMAND) else None


_RESULT, _PAGE = (
    Result(command=COMMAND, recognise=how, is_folder=False, options="--name or --out")
    for how in (_recognise, _recognise_page)
)
