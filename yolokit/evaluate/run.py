"""Run a model over labelled images and measure it.

Boxes are compared as the model puts them out, not clipped to the image, though a prediction that
a user sees is. ultralytics measures so too, and the difference shows: a young model's boxes reach
over the border, and clipped to it they fit the true boxes better than they were. With clipping,
mAP50-95 of such a model came out 0.02 above ``yolo val``'s on the same file; without, 0.001.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.suggest import nearest
from yolokit.core.types import Frame
from yolokit.errors import ConfigError, DataError
from yolokit.evaluate.analysis import Analyser, Analysis
from yolokit.evaluate.config import CONF, IOU, MAX_DET
from yolokit.evaluate.tasks.toolkit import load_metric
from yolokit.images.files import read_image
from yolokit.metrics.coco import CocoMetrics
from yolokit.runtime.predictor import Thresholds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from yolokit.core.types import I64, U8, Detections
    from yolokit.labels.model import ImageRecord, LabelledImage
    from yolokit.runtime.predictor import Predictor

THRESHOLDS = Thresholds(conf=CONF, iou=IOU, max_det=MAX_DET, multi_label=True, clip=False)
_UNKNOWN = -1


class EvaluationResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an evaluation.

    Attributes:
        metrics: Overall and per class.
        analysis: What goes wrong, and where; images by their paths.
        images: Images that were evaluated, those without labels included.
        extra_classes: Classes of the model that the data set does not have; what the model
            found of them was left out.
        wall_s: From the first image asked for to the last metric.
    """

    metrics: CocoMetrics
    analysis: Analysis
    images: int
    extra_classes: tuple[str, ...]
    wall_s: float


def evaluate_model(
    predictor: Predictor,
    images: Iterable[LabelledImage],
    class_names: Sequence[str],
    *,
    unreadable: list[DataError],
    on_progress: Callable[[int], None] = lambda _done: None,
    min_precisions: Sequence[float] = (),
) -> EvaluationResult:
    """Run a model over labelled images and compute the metrics of its task.

    Args:
        predictor: The model. Metrics need nearly all detections, as ``THRESHOLDS`` leave them: a
            higher score cuts the tail of the precision-recall curve off.
        images: Taken one at a time, in a thread.
        class_names: Those of the data set, by category index.
        unreadable: Gets the errors of images that cannot be read; the figures are without those.
        on_progress: Called with the number of images done.
        min_precisions: Those to find the highest recall at.

    Raises:
        ConfigError: The classes of the model and of the data set do not fit together.
        DataError: There is no image, or none that is there, readable and of the size that its
            labels were made for.
        InferenceError: The model failed.
    Source: ultralytics ``models/yolo/detect/val.py`` for the thresholds.
    """
    start_s = time.perf_counter()
    detector = predictor.detector
    classes = map_classes(detector.names, class_names)
    metric = load_metric(detector.manifest.head.task)
    tally, analyser = metric.open_tally(), Analyser(metric.overlap)
    done = 0
    with contextlib.closing(predictor.run(read_all(images, unreadable))) as predictions:
        for done, prediction in enumerate(predictions, 1):
            image, truth = prediction.origin.image, prediction.origin.annotations
            found = classes.apply(prediction.detections)
            tally.add(truth, found)
            analyser.add(image.path or image.file_name, truth, found)
            on_progress(done)
    if not done:
        if unreadable:
            raise unreadable[0]
        raise DataError("there is no image to evaluate the model on")
    return EvaluationResult(
        metrics=tally.compute(class_names, min_precisions),
        analysis=analyser.compute(class_names),
        images=done,
        extra_classes=classes.extra,
        wall_s=time.perf_counter() - start_s,
    )


@dataclass(frozen=True, slots=True, eq=False)
class ClassMap:
    """Which class of a data set each class of a model is.

    Attributes:
        data_ids: (C,) int64; for each class of the model its id in the data set, or -1.
        extra: Classes of the model that the data set does not have.
    """

    data_ids: I64
    extra: tuple[str, ...]

    def apply(self, detections: Detections) -> Detections:
        """Return the detections with the data set's class ids, without those of ``extra``."""
        class_ids = self.data_ids[detections.class_ids]
        known = class_ids != _UNKNOWN
        return replace(detections[known], class_ids=class_ids[known])


def map_classes(model_names: Sequence[str], data_names: Sequence[str]) -> ClassMap:
    """Map a model's classes to those of a data set by their names.

    A model may know more classes than the data set has labels for, such as one for all of COCO
    on a set of cars: their detections can be neither right nor wrong, so they are left out, and
    the caller says so. The other way round it is an error: a class that the model cannot find
    would count as never found, and a mere difference in spelling would look like a bad model.

    Raises:
        ConfigError: The data set has a class that the model does not know, or a name means
            two classes.
    """
    problems = [
        f"the {side} has several classes called {name!r}"
        for side, names in (("model", model_names), ("data set", data_names))
        for name, count in Counter(names).items()
        if count > 1
    ]
    for name in data_names:
        if name not in model_names:
            guess = nearest(name, model_names)
            hint = f": it has {guess!r}" if guess is not None else ""
            problems.append(f"the model does not know the class {name!r} of the data set{hint}")
    if problems:
        raise ConfigError(
            "the classes of the model and of the data set do not fit together:",
            problems=problems,
            hint=f"the model's classes are {', '.join(model_names)}; rename those of the data "
            "set in its data.yaml, or train the model on it",
        )
    ids = {name: index for index, name in enumerate(data_names)}
    return ClassMap(
        data_ids=np.array([ids.get(name, _UNKNOWN) for name in model_names], np.int64),
        extra=tuple(name for name in model_names if name not in ids),
    )


def read_all(
    images: Iterable[LabelledImage], unreadable: list[DataError]
) -> Generator[tuple[LabelledImage, Frame]]:
    """Yield labelled images with their pixels; ``unreadable`` gets the errors of the others."""
    for index, labelled in enumerate(images):
        try:
            bgr = _read_image(labelled.image)
        except DataError as error:
            unreadable.append(error)
        else:
            yield labelled, Frame(bgr, index, None, labelled.image.file_name)


def _read_image(record: ImageRecord) -> U8:
    if record.path is None:
        raise DataError(f"the image {record.file_name} is not there", path=record.source.path)
    bgr = read_image(Path(record.path))
    width_px, height_px = bgr.shape[1], bgr.shape[0]
    if record.width_px is not None and (width_px, height_px) != record.image_wh:
        raise DataError(
            f"is {width_px}x{height_px} px, but its labels are for "
            f"{record.width_px}x{record.height_px}",
            path=record.path,
        )
    return bgr
