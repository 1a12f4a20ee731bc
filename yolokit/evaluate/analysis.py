"""What came out: confusion, curves, errors by kind and size, and the worst images of a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.boxes import pairwise_iou
from yolokit.evaluate.confusion import count_confusions
from yolokit.evaluate.costs import weigh_in_ap50, weigh_in_f1
from yolokit.evaluate.counts import (
    ErrorCount,
    ScoreBin,
    SizeCount,
    calibrate,
    count_errors,
    count_sizes,
)
from yolokit.evaluate.curves import Curve, draw_curves
from yolokit.evaluate.judge import RIGHT, JudgedImage, judge_image
from yolokit.evaluate.worst import IMAGES, WorstImage, choose_worst

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    from yolokit.core.types import F64, I64, U8, Detections
    from yolokit.labels.model import Annotations

    Overlap: TypeAlias = Callable[[Annotations, Detections], F64]


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """All that tells where a model is right and where it is wrong.

    Attributes:
        names: The C classes.
        images: Images that were looked at.
        conf: The common confidence: the one with the highest mean F1 of all classes. Confusion,
            errors, sizes and worst images are of detections that score at least this.
        confusion: C + 1 rows of C + 1 counts: row the true class, column the found one, the last
            of each the background; see :func:`yolokit.evaluate.confusion.count_confusions`.
        overall: Means over the classes that have true boxes.
        curves: One for each class.
        errors: One for each kind, those that cost most first.
        sizes: Small, medium and large.
        calibration: Ten bins of scores, 0 to 0.1 first.
        worst: The worst images, worst first.
    """

    names: tuple[str, ...]
    images: int
    conf: float
    confusion: tuple[tuple[int, ...], ...]
    overall: Curve
    curves: tuple[Curve, ...]
    errors: tuple[ErrorCount, ...]
    sizes: tuple[SizeCount, ...]
    calibration: tuple[ScoreBin, ...]
    worst: tuple[WorstImage, ...]


def overlap_boxes(truth: Annotations, found: Detections) -> F64:
    """Return the (N, G) IoU of N detections and G true boxes."""
    return pairwise_iou(found.xyxy.astype(np.float64), truth.xyxy)


def analyse(
    images: Iterable[tuple[str, Annotations, Detections]],
    names: Sequence[str],
    *,
    overlap: Overlap = overlap_boxes,
    worst: int = IMAGES,
) -> Analysis:
    """Analyse what a model found in labelled images.

    Args:
        images: The path of each image, its true boxes, and the detections with the class ids of
            the true boxes; as in an evaluation, nearly all of them, down to a score of 0.001.
        names: Of the classes.
        overlap: How much detections and true ones overlap, (N, G) in [0, 1]; a task's own.
        worst: Most images in ``worst``.
    """
    analyser = Analyser(overlap)
    for name, truth, found in images:
        analyser.add(name, truth, found)
    return analyser.compute(names, worst=worst)


class Analyser:
    """Takes image by image; some 60 bytes for each box are all that grows."""

    def __init__(self, overlap: Overlap = overlap_boxes) -> None:
        self._overlap = overlap
        self._images: list[JudgedImage] = []

    def add(self, name: str, truth: Annotations, found: Detections) -> None:
        """Add one image; arguments as those of :func:`analyse`."""
        self._images.append(judge_image(name, truth, found, self._overlap(truth, found)))

    def compute(self, names: Sequence[str], *, worst: int = IMAGES) -> Analysis:
        """Return the analysis of all images."""
        images, count = self._images, len(names)
        true_ids = np.concatenate([np.zeros(0, np.int64), *(one.true_ids for one in images)])
        true_counts = np.bincount(true_ids, minlength=count)
        class_ids, scores, kinds = self._join_detections()
        by_class = [np.flatnonzero(class_ids == i) for i in range(count)]
        conf, overall, curves = draw_curves(
            names,
            [scores[rows] for rows in by_class],
            [kinds[rows] == RIGHT for rows in by_class],
            true_counts.tolist(),
        )
        return Analysis(
            names=tuple(names),
            images=len(images),
            conf=conf,
            confusion=tuple(map(tuple, count_confusions(images, count, conf).tolist())),
            overall=overall,
            curves=curves,
            errors=count_errors(
                images, conf, weigh_in_f1(images, count, conf), weigh_in_ap50(images, count)
            ),
            sizes=count_sizes(images, conf),
            calibration=calibrate(scores, kinds == RIGHT),
            worst=choose_worst(images, conf, limit=worst),
        )

    def _join_detections(self) -> tuple[I64, F64, U8]:
        """Return the class ids, scores and kinds of all detections, in the order of the images."""
        images = self._images
        return (
            np.concatenate([np.zeros(0, np.int64), *(one.class_ids for one in images)]),
            np.concatenate([np.zeros(0), *(one.scores for one in images)]),
            np.concatenate([np.zeros(0, np.uint8), *(one.kinds for one in images)]),
        )
