"""The accuracy gate: the file scores on labelled images what the trained model scores.

Parity compares single numbers, and at eight bits it has to be lenient; only mAP tells what those
differences cost. Both sides are measured on the same images, the trained one in torch with its
own letterbox and its own class names.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.core.plural import counted
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.errors import ExportError, GateError, NoLabelsError
from yolokit.evaluate.accuracy import (
    Accuracy,
    compare_accuracy,
    load_labelled,
    measure,
)
from yolokit.evaluate.checkpoint import Checkpoint, TrainedModel
from yolokit.evaluate.finders import DeployedModel
from yolokit.evaluate.measures.changes import ClassChange, compare_classes
from yolokit.evaluate.measures.differences import (
    SHOWN,
    ImageDifference,
    choose_most_different,
    describe_image,
    pair_found,
)
from yolokit.evaluate.run import THRESHOLDS
from yolokit.export.config import needs_images
from yolokit.export.gates.toolkit import Verdict
from yolokit.export.tolerances import allow_f1_drop, find_max_map_drop
from yolokit.files.digest import sha256_file
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from yolokit.evaluate.accuracy import LabelledSet
    from yolokit.export.config import ExportConfig
    from yolokit.export.gates.toolkit import Candidate

_SPLITS = ("val", "test")
_CLASSES_NAMED = 3
_IMAGES_KEPT = 20
_ROUNDING = 5e-5  # of figures with four decimals


class AccuracyRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate saw.

    Attributes:
        verdict: ``as good``, ``worse``, ``nothing found`` where the trained model scores 0, so
            that there is nothing to lose, or ``not measured``.
        problems: One sentence for each thing that is wrong.
        why_not: Why nothing was measured.
        split: What was measured on.
        images: Images of it that were used.
        available: How many it has.
        unreadable: Those that could not be read.
        trained: mAP50-95 of the trained model, run in torch.
        file: That of the file.
        trained_map50: mAP50 of the trained model.
        file_map50: That of the file.
        trained_f1: Mean F1 of the classes by the trained model, of boxes from score 0.25 up.
        file_f1: That of the file.
        lost: ``trained`` less ``file``.
        max_map_drop: The most that may be lost.
        low: Lower end of the 95 % interval of ``lost`` on other images of this kind; None with
            too few images.
        high: Its upper end.
        classes: Those that lost most first; the trained model is the first of the two.
        most_different: Images whose boxes differ most, likewise.
        provider: Execution provider that ran the file.
        model_sha256: What the file was.
        weights_sha256: What the checkpoint was.
    """

    verdict: Literal["as good", "worse", "nothing found", "not measured"]
    problems: tuple[str, ...] = ()
    why_not: str | None = None
    split: str | None = None
    images: int = 0
    available: int = 0
    unreadable: int = 0
    trained: float | None = None
    file: float | None = None
    trained_map50: float | None = None
    file_map50: float | None = None
    trained_f1: float | None = None
    file_f1: float | None = None
    lost: float | None = None
    max_map_drop: float
    low: float | None = None
    high: float | None = None
    classes: tuple[ClassChange, ...] = ()
    most_different: tuple[ImageDifference, ...] = ()
    provider: str = ""
    model_sha256: str = ""
    weights_sha256: str = ""


class AccuracyGate:
    """The file loses no more mAP50-95 than is allowed."""

    name = "accuracy"
    rank = 2
    complaint = "the exported file is less accurate than the trained model"
    error = GateError

    def __init__(self, labelled: LabelledSet | NoLabelsError, max_map_drop: float) -> None:
        self._labelled = labelled
        self._max_map_drop = max_map_drop

    def describe(self, candidate: Candidate) -> str:
        """Say how many images both are measured on."""
        del candidate
        if isinstance(self._labelled, NoLabelsError):
            return "accuracy cannot be measured"
        images = counted(len(self._labelled.images), "image")
        return f"measuring the trained model and the file on {images} of {self._labelled.split}"

    def check(self, candidate: Candidate) -> Verdict:
        """Measure both models and compare them."""
        if isinstance(self._labelled, NoLabelsError):
            record = AccuracyRecord(
                verdict="not measured",
                why_not=str(self._labelled),
                max_map_drop=self._max_map_drop,
                model_sha256=sha256_file(candidate.model),
                weights_sha256=candidate.digest.sha256,
            )
            return Verdict(
                self.name, (), record, told=(f"accuracy not measured: {self._labelled}",)
            )
        trained, deployed = _measure_both(candidate, self._labelled)
        record = self._judge(candidate, self._labelled, trained, deployed)
        return Verdict(self.name, record.problems, record, told=(_describe(record),))

    def _judge(
        self, candidate: Candidate, labelled: LabelledSet, trained: Accuracy, deployed: Accuracy
    ) -> AccuracyRecord:
        difference = compare_accuracy(
            deployed, trained
        )  # the second less the first is what is lost
        lost = trained.map50_95 - deployed.map50_95
        f1_lost = trained.shown_f1 - deployed.shown_f1
        verdict: Literal["as good", "worse", "nothing found"] = "as good"
        if not lost <= self._max_map_drop or f1_lost > allow_f1_drop(self._max_map_drop):
            verdict = "worse"
        elif not trained.map50_95:
            verdict = "nothing found"
        different = choose_most_different(pair_found(trained, deployed), _IMAGES_KEPT)
        record = AccuracyRecord(
            verdict=verdict,
            split=labelled.split,
            images=len(deployed.images),
            available=labelled.available,
            unreadable=deployed.unreadable,
            trained=trained.map50_95,
            file=deployed.map50_95,
            trained_map50=trained.map50,
            file_map50=deployed.map50,
            trained_f1=trained.shown_f1,
            file_f1=deployed.shown_f1,
            lost=lost,
            max_map_drop=self._max_map_drop,
            low=difference.low,
            high=difference.high,
            classes=compare_classes(trained, deployed),
            most_different=tuple(map(describe_image, different)),
            provider=deployed.model.provider,
            model_sha256=deployed.model.sha256,
            weights_sha256=candidate.digest.sha256,
        )
        problems = _list_problems(record) if verdict == "worse" else ()
        return msgspec.structs.replace(record, problems=tuple(problems))


def open_gate(config: ExportConfig) -> AccuracyGate | None:
    """Return the gate, where there are labelled images to measure on.

    Raises:
        DataError: The data set or its labels are wrong.
        ExportError: INT8 is wanted, and no split has labels: nothing would show what it costs.
    """
    if config.data is None:
        return None
    allowed = config.max_map_drop
    if allowed is None:
        allowed = find_max_map_drop(config.precision)
    try:
        return AccuracyGate(_load(Path(config.data), config.gate_images), allowed)
    except NoLabelsError as error:
        if needs_images(config.precision) and allowed < 1:
            raise ExportError(
                f"what {config.precision} costs in accuracy cannot be measured: {error}",
                hint="give it a data set whose val split has labels; --max-map-drop 1 allows any "
                "loss, and needs none",
            ) from error
        return AccuracyGate(error, allowed)


def _load(data_yaml: Path, most: int) -> LabelledSet:
    """Read val, or test where there is no val."""
    data = load_data_yaml(data_yaml, need=())
    split = next((name for name in _SPLITS if name in data.splits), None)
    if split is None:
        raise NoLabelsError("names neither a val nor a test split", path=data.path)
    return load_labelled(data_yaml, split, most=most)


def _measure_both(candidate: Candidate, labelled: LabelledSet) -> tuple[Accuracy, Accuracy]:
    """Return what the trained model scores, and what the file scores."""
    detector = candidate.predictor.detector
    checkpoint = Checkpoint(
        path=candidate.weights,
        digest=candidate.digest,
        trust=candidate.trust,
        log_path=candidate.log_path,
    )
    trained = TrainedModel(checkpoint, THRESHOLDS, io=detector.manifest.io)
    spec = PredictorSpec(model=str(candidate.model), provider="cpu", thresholds=THRESHOLDS)
    deployed = DeployedModel(Predictor(detector, spec))
    return (
        measure(trained, labelled, candidate.on_event),
        measure(deployed, labelled, candidate.on_event),
    )


def _list_problems(record: AccuracyRecord) -> list[str]:
    """Return the figures of both sides, the classes that lost most, and where to look first."""
    images = counted(record.images, "image")
    allowed_f1 = allow_f1_drop(record.max_map_drop)
    problems = [
        f"{what} on {images} of {record.split} is {file:.3f}, and {trained:.3f} for the trained "
        f"model: it lost {trained - file:.3f}, and {allowed:g} is allowed"
        for what, trained, file, allowed in (
            ("mAP50-95", record.trained, record.file, record.max_map_drop),
            (f"F1 from score {SHOWN:g} up", record.trained_f1, record.file_f1, allowed_f1),
        )
        if trained is not None and file is not None and trained - file > allowed
    ]
    lost = [one for one in record.classes if one.lost is not None and one.lost > 0]
    problems += [
        f"{one.name}: {one.second:.3f}, and {one.first:.3f} for the trained model"
        for one in lost[:_CLASSES_NAMED]
    ]
    problems += [
        f"they differ most in {one.image}: {counted(one.pairs, 'box', 'boxes')} of both, "
        f"{one.only_first} of the trained model alone, {one.only_second} of the file alone"
        for one in record.most_different[:1]
    ]
    return problems


def _describe(record: AccuracyRecord) -> str:
    """Return what was found in one sentence."""
    images = counted(record.images, "image")
    if record.images < record.available - record.unreadable:
        images = f"{images}, drawn from the {record.available}"
    text = (
        f"accuracy on {images} of {record.split}: mAP50-95 {record.file:.4f}, and "
        f"{record.trained:.4f} for the trained model"
    )
    if record.verdict == "nothing found":
        return f"{text}, which finds nothing here: there is nothing to lose"
    if record.low is None or record.high is None or max(abs(record.low), record.high) < _ROUNDING:
        return text
    span = f"{-record.high:+.4f} to {-record.low:+.4f}"
    return f"{text}; other images of this kind would show a difference of {span}"
