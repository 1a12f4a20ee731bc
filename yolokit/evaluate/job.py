"""The val job: options, model, data set, and the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

import yolokit
from yolokit.core.config import build_config
from yolokit.core.findings import Finding, find_unknown_codes, require_allowed
from yolokit.core.plural import counted
from yolokit.datasets.check import UNUSABLE, check_labels
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.splits import iter_split, list_split_images
from yolokit.evaluate.coco import BoxMetrics
from yolokit.evaluate.run import CONF, IOU, MAX_COUNT, evaluate_model
from yolokit.files.atomic import claim_folder, publish_file
from yolokit.files.digest import sha256_file
from yolokit.files.outputs import Replacing, Result, check_output, read_object
from yolokit.files.spell import encode_json
from yolokit.runtime.detector import Detector
from yolokit.runtime.session import check_options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.errors import DataError

RUNS = Path("runs") / "val"
REPORT_NAME = "metrics.json"
SCHEMA_VERSION = 1
_ERRORS_SHOWN = 5

Share = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]


class ValConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What to evaluate, on what, and where the report goes.

    Attributes:
        model: ONNX file.
        data: ``data.yaml`` of a YOLO data set, or the folder in which it lies.
        split: Which of its splits.
        conf: Scores below this are discarded; metrics need nearly all.
        iou: Overlap up to which two boxes of a class both stay.
        max_count: Most boxes in one image.
        provider: Execution provider, or ``auto``.
        threads: Threads for the model; None for all cores this process may use.
        out: Folder for the report; None for one below ``runs/val``.
        name: Name of that folder; None for a fresh one, called after the model and the split.
        allow: Codes of findings that are not to stop it.
        report_only: Write no file unless ``out`` or ``name`` is given.
        overwrite: Replace an earlier report.
    """

    model: str
    data: str
    split: str = "val"
    conf: Share = CONF
    iou: Share = IOU
    max_count: Positive = MAX_COUNT
    provider: str = "auto"
    threads: Positive | None = None
    out: str | None = None
    name: str | None = None
    allow: tuple[str, ...] = ()
    report_only: bool = False
    overwrite: bool = False


class ValReport(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of a model on a split, and what they were measured with.

    Attributes:
        model: Path of the ONNX file, as it was given.
        model_sha256: What the file was.
        data: Absolute path of the ``data.yaml``.
        split: The split that was evaluated.
        conf: As in :class:`ValConfig`, like ``iou`` and ``max_count``.
        iou: See there.
        max_count: See there.
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
        schema_version: Raised when a key changes its meaning.
        yolokit_version: What measured it.
    """

    model: str
    model_sha256: str
    data: str
    split: str
    conf: float
    iou: float
    max_count: int
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
    schema_version: int = SCHEMA_VERSION
    yolokit_version: str = yolokit.__version__


class ValJob:
    """An evaluation that is ready to run.

    Attributes:
        config: Its options.
        data: The data set.
        detector: The loaded model.
        notes: What is odd about the labels, one sentence each.
        image_count: Images of the split.
        limits: As in :class:`ValReport`.
    """

    def __init__(
        self, config: ValConfig, data: DataYaml, detector: Detector, notes: Sequence[str] = ()
    ) -> None:
        self.config = config
        self.data = data
        self.detector = detector
        self.notes = tuple(notes)
        self.image_count = sum(1 for _ in list_split_images(data, config.split))
        self.limits = tuple(
            detector.explain_limits(conf=config.conf, iou=None, max_count=config.max_count)
        )

    def run(self, on_progress: Callable[[int], None] = lambda _done: None) -> ValReport:
        """Evaluate the model; nothing is written.

        Args:
            on_progress: Called with the number of images done.

        Raises:
            ConfigError: The classes of the model and of the data set do not fit together.
            DataError: There is no image, or an image or its labels are missing or wrong; all
                images that cannot be read are named at once, unless that is allowed.
            InferenceError: The model failed.
        """
        config = self.config
        unreadable: list[DataError] = []
        result = evaluate_model(
            self.detector,
            iter_split(self.data, config.split, unreadable),
            self.data.names,
            conf=config.conf,
            iou=config.iou,
            max_count=config.max_count,
            unreadable=unreadable,
            on_progress=on_progress,
        )
        if unreadable:
            require_allowed([_describe_unreadable(unreadable)], config.allow)
        return ValReport(
            model=config.model,
            model_sha256=sha256_file(Path(config.model)),
            data=str(self.data.path),
            split=config.split,
            conf=config.conf,
            iou=config.iou,
            max_count=config.max_count,
            provider=self.detector.provider,
            threads=self.detector.threads,
            images=result.images,
            unreadable=len(unreadable),
            wall_s=result.wall_s,
            extra_classes=result.extra_classes,
            limits=self.limits,
            overall=result.metrics.overall,
            classes=result.metrics.classes,
            notes=self.notes,
        )


def _describe_unreadable(errors: Sequence[DataError]) -> Finding:
    shown = "; ".join(map(str, errors[:_ERRORS_SHOWN]))
    more = f"; and {len(errors) - _ERRORS_SHOWN} more" if len(errors) > _ERRORS_SHOWN else ""
    what = counted(len(errors), "image")
    return Finding(UNUSABLE, f"{what} of the split cannot be read: {shown}{more}")


def check_config(values: Mapping[str, Any]) -> ValConfig:
    """Check the options of an evaluation as a whole.

    Raises:
        ConfigError: Anything is wrong; all mistakes are listed.
    """
    return build_config(ValConfig, values, what="val", also=_check_values)


def _check_values(values: Mapping[str, Any]) -> list[str]:
    problems = find_unknown_codes(values.get("allow", ()), (UNUSABLE,))
    if "provider" in values:
        problems += [f"provider: {text}" for text in check_options(provider=values["provider"])]
    name = values.get("name")
    if values.get("out") is not None and name is not None:
        problems.append("out and name: give one of them")
    if name is not None and (name in ("", ".", "..") or set(name) & set("/\\:")):
        problems.append(f"name: must be the name of a folder, not {name!r}")
    return problems


def open_job(config: ValConfig) -> ValJob:
    """Read the data set's description and load the model; nothing is written.

    Raises:
        ConfigError: The data set has no such split; the message names those it has.
        DataError: The data set's description is wrong, or its labels are.
        OutputExistsError: There is something that is not to be replaced.
        InferenceError: The model cannot be loaded.
    """
    folder = _named_folder(config)
    if folder is not None:
        check_output(folder / REPORT_NAME, _replacing(config))
    data = load_data_yaml(Path(config.data), need=(config.split,))
    notes = check_labels(data, config.split)  # before the model is loaded: it takes longest
    detector = Detector.load(config.model, provider=config.provider, threads=config.threads)
    return ValJob(config, data, detector, notes)


def write_report(report: ValReport, config: ValConfig) -> Path | None:
    """Write ``metrics.json`` whole or not at all, and return its path.

    Returns:
        None where the options ask for no file.

    Raises:
        OutputExistsError: It exists and is not to be replaced.
        ConfigError: Its folder cannot be made.
    """
    folder = _named_folder(config)
    if folder is None:
        if config.report_only:
            return None
        stem = f"{Path(config.model).stem}-{config.split}"
        folder = claim_folder(None, parent=RUNS, stem=stem)
    path = folder / REPORT_NAME
    with publish_file(path, _replacing(config)) as part:
        part.write_bytes(msgspec.json.format(encode_json(report), indent=2) + b"\n")
    return path


def _replacing(config: ValConfig) -> Replacing:
    return Replacing(
        result=_RESULT, wanted=config.overwrite, keep=(Path(config.model), Path(config.data))
    )


def _recognise(path: Path) -> tuple[()] | None:
    keys = {"model_sha256", "split", "overall", "classes"}
    return () if keys <= read_object(path).keys() else None


_RESULT = Result(
    command="yolokit val", recognise=_recognise, is_folder=False, options="--name or --out"
)


def _named_folder(config: ValConfig) -> Path | None:
    if config.name is not None:
        return RUNS / config.name
    return None if config.out is None else Path(config.out)
