"""How accurate a model is on labelled images: any ONNX file, or a checkpoint in torch.

Both are measured on the same images with the same thresholds and the same decoder, so that what
differs is the model.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import OnEvent, Progress, ignore
from yolokit.datasets.check import check_labels
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.label_rows import label_path
from yolokit.datasets.splits import iter_split, list_split_images
from yolokit.engine_protocol.shared import share_process
from yolokit.errors import DataError, NoLabelsError
from yolokit.evaluate.checkpoint import Checkpoint, TrainedModel, engine_log
from yolokit.evaluate.finders import DeployedModel, is_checkpoint
from yolokit.evaluate.resampling import compare_sets, match_set
from yolokit.evaluate.run import THRESHOLDS, map_classes, read_all
from yolokit.evaluate.tasks.toolkit import load_metric
from yolokit.files.digest import digest_weights
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.types import F64, I64, Detections
    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.evaluate.finders import Finder, ModelFacts
    from yolokit.evaluate.resampling import Difference, MatchedSet
    from yolokit.labels.model import LabelledImage

_SEED = 0


class ClassAccuracy(msgspec.Struct, frozen=True, kw_only=True):
    """Average precision of one class; None where nothing is true."""

    name: str
    boxes: int
    map50_95: float | None
    map50: float | None


class ClassChange(msgspec.Struct, frozen=True, kw_only=True):
    """mAP50-95 of one class by two models; None where nothing is true."""

    name: str
    boxes: int
    first: float | None
    second: float | None
    lost: float | None


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredImage:
    """One image of a measurement.

    Attributes:
        name: Its name in the split.
        path: The file.
        image_wh: Width and height in px, upright.
        true_xyxy: (G, 4) float64, source-image px.
        true_class_ids: (G,) int64.
        found: All that was found from a score of 0.001 up, with the class ids of the data set;
            not clipped.
    """

    name: str
    path: str
    image_wh: tuple[int, int]
    true_xyxy: F64
    true_class_ids: I64
    found: Detections


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Accuracy:
    """What a model scores.

    Attributes:
        model: What was measured, and what ran it.
        names: Classes of the data set.
        map50_95: COCO's main figure: the mean over IoU 0.50 to 0.95 and over the classes.
        map50: The same at IoU 0.50.
        classes: One for each class of the data set.
        images: In the order of the split.
        unreadable: Images that could not be read, and so are in no figure.
        extra_classes: Classes of the model that the data set does not have; what the model found
            of them was left out.
    """

    model: ModelFacts
    names: tuple[str, ...]
    map50_95: float
    map50: float
    classes: tuple[ClassAccuracy, ...]
    images: tuple[MeasuredImage, ...]
    unreadable: int
    extra_classes: tuple[str, ...]

    def match(self) -> MatchedSet:
        """Return what was found matched with what is true, to be measured again and again."""
        return match_set(
            ((one.true_xyxy, one.true_class_ids, one.found) for one in self.images),
            len(self.names),
        )


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """The images that models are compared on.

    Attributes:
        data: The data set.
        split: Its split.
        images: Those that are used, in the order of the split.
        available: How many the split has.
        unreadable: Images that cannot be read.
        notes: What is odd about the labels, one sentence each.
    """

    data: DataYaml
    split: str
    images: tuple[LabelledImage, ...]
    available: int
    unreadable: int
    notes: tuple[str, ...]


def load_labelled(data_yaml: Path, split: str, *, most: int | None = None) -> LabelledSet:
    """Read the labels of a split; of more than ``most`` images a sample, always the same one.

    Raises:
        ConfigError: There is no such split.
        NoLabelsError: No image of the split has a label.
        DataError: The data set is wrong, or none of its images can be read.
    """
    data = load_data_yaml(data_yaml, need=(split,))
    labels = (Path(label_path(image.path)) for image in list_split_images(data, split))
    if not any(path.is_file() for path in labels):
        raise _without_labels(data, split)
    notes = check_labels(data, split)
    unreadable: list[DataError] = []
    images = list(iter_split(data, split, unreadable))
    chosen = images
    if most is not None and len(images) > most:
        indices = random.Random(_SEED).sample(range(len(images)), most)  # noqa: S311 - a sample
        chosen = [images[index] for index in sorted(indices)]
    if not any(len(one.annotations.category_indices) for one in chosen):
        raise (
            unreadable[0]
            if unreadable and not images
            else DataError(
                f"no image of the split {split} has a label: there is nothing to measure on",
                path=data_yaml,
            )
        )
    return LabelledSet(data, split, tuple(chosen), len(images), len(unreadable), tuple(notes))


def _without_labels(data: DataYaml, split: str) -> NoLabelsError:
    return NoLabelsError(f"no image of the split {split} has a label", path=data.path)


def measure_accuracy(
    model: Path | str,
    data_yaml: Path | str,
    *,
    split: str = "val",
    provider: str = "auto",
    precision: str = "fp32",
    threads: int | None = None,
    most: int | None = None,
    on_event: OnEvent = ignore,
) -> Accuracy:
    """Measure an ONNX file of any kind, or a checkpoint, on labelled images.

    Args:
        model: The file; one that ends in ``.pt`` or ``.pth`` is run in torch, in a child process.
        data_yaml: The data set.
        split: Its split.
        provider: Runs an ONNX file.
        precision: What that computes in.
        threads: Cores to use; None for all that this process may use.
        most: Most images to measure on, which are drawn from the split; always the same ones.
        on_event: Told how far it has come.

    Raises:
        ConfigError: There is no such split, or its classes are not those of the model.
        DataError: The data set is wrong, or no image of the split has a label.
        InferenceError: The file cannot be loaded or fails.
        WeightsError: The checkpoint cannot be loaded.
    """
    labelled = load_labelled(Path(data_yaml), split, most=most)
    with open_finder(
        Path(model), provider=provider, precision=precision, threads=threads
    ) as finder:
        return measure(finder, labelled, on_event)


@contextlib.contextmanager
def open_finder(
    path: Path,
    *,
    provider: str = "auto",
    precision: str = "fp32",
    threads: int | None = None,
    imgsz: int | None = None,
) -> Iterator[Finder]:
    """Load a model with the thresholds of an evaluation.

    Args:
        path: An ONNX file or a checkpoint.
        provider: Runs an ONNX file.
        precision: What that computes in.
        threads: Cores to use; None for all that this process may use.
        imgsz: Side in px of the square that a checkpoint gets; None for that of its training.

    Raises:
        InferenceError: The file cannot be loaded.
        WeightsError: The checkpoint cannot be loaded.
    """
    if not is_checkpoint(path):
        spec = PredictorSpec(
            model=str(path),
            provider=provider,
            precision=precision,
            threads=threads,
            thresholds=THRESHOLDS,
        )
        yield DeployedModel(Predictor.load(spec))
        return
    with engine_log() as log_path, share_process():
        checkpoint = Checkpoint(
            path=path.resolve(),
            digest=digest_weights(path),
            log_path=log_path,
            threads=threads,
        )
        yield TrainedModel(checkpoint, THRESHOLDS, imgsz=imgsz)


def measure(finder: Finder, labelled: LabelledSet, on_event: OnEvent = ignore) -> Accuracy:
    """Measure a model that is ready to run.

    Raises:
        ConfigError: The classes of the model and of the data set do not fit together.
        InferenceError: The model failed.
    """
    names = labelled.data.names
    classes = map_classes(finder.facts.names, names)
    tally = load_metric(finder.task).open_tally()
    unreadable: list[DataError] = []
    images = []
    with contextlib.closing(finder.run(read_all(labelled.images, unreadable))) as predictions:
        for done, prediction in enumerate(predictions, 1):
            image, truth = prediction.origin.image, prediction.origin.annotations
            found = classes.apply(prediction.detections)
            tally.add(truth, found)
            images.append(
                MeasuredImage(
                    image.file_name,
                    image.path or image.file_name,
                    image.image_wh,
                    truth.xyxy,
                    truth.category_indices,
                    found,
                )
            )
            on_event(Progress("measuring", done, len(labelled.images)))
    metrics = tally.compute(names)
    overall = metrics.overall
    if overall.map50_95 is None or overall.map50 is None:
        raise unreadable[0] if unreadable else NoLabelsError("no image has a label")
    return Accuracy(
        model=finder.facts,
        names=tuple(names),
        map50_95=overall.map50_95,
        map50=overall.map50,
        classes=tuple(
            ClassAccuracy(name=one.name, boxes=one.boxes, map50_95=one.map50_95, map50=one.map50)
            for one in metrics.classes
        ),
        images=tuple(images),
        unreadable=labelled.unreadable + len(unreadable),
        extra_classes=classes.extra,
    )


def compare_accuracy(first: Accuracy, second: Accuracy) -> Difference:
    """Tell by drawing the images again whether a difference of two models may be chance."""
    return compare_sets(first.match(), second.match())


def compare_classes(first: Accuracy, second: Accuracy) -> tuple[ClassChange, ...]:
    """Return what each class of the data set has lost, the most first."""
    changes = [
        ClassChange(
            name=a.name,
            boxes=a.boxes,
            first=a.map50_95,
            second=b.map50_95,
            lost=None if a.map50_95 is None or b.map50_95 is None else a.map50_95 - b.map50_95,
        )
        for a, b in zip(first.classes, second.classes, strict=True)
    ]
    return tuple(sorted(changes, key=lambda one: math.inf if one.lost is None else -one.lost))


def key_accuracy(model: ModelFacts, labelled: LabelledSet) -> str:
    """Return the name under which a caller may keep a measurement: the same only where all is.

    It covers the model, what runs it, and the images and labels as their files are now.
    """
    digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(model, path="")))
    digest.update("\n".join((labelled.split, *labelled.data.names)).encode())
    for one in labelled.images:
        path = Path(one.image.path or one.image.file_name)
        status = path.stat() if path.exists() else None
        digest.update(f"\n{path}\n".encode("utf-8", "surrogateescape"))
        digest.update(f"{status and (status.st_size, status.st_mtime_ns)}".encode())
        digest.update(one.annotations.xyxy.tobytes())
        digest.update(one.annotations.category_indices.tobytes())
    return digest.hexdigest()
