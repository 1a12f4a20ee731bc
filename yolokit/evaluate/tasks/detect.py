"""Detection: COCO's average precision of upright boxes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from yolokit.evaluate.analysis import overlap_boxes
from yolokit.metrics.coco import compute_coco_metrics
from yolokit.metrics.matching import match_detections
from yolokit.metrics.store import BoxStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import Detections
    from yolokit.labels.model import Annotations
    from yolokit.metrics.coco import BoxMetrics, CocoMetrics

COLUMNS = ("class", "images", "boxes", "P", "R", "mAP50", "mAP50-95")


class BoxTally:
    """Keeps all boxes, true and found."""

    def __init__(self) -> None:
        self._store = BoxStore()

    def add(self, truth: Annotations, found: Detections) -> None:
        """Add the boxes of one image."""
        self._store.add(truth.xyxy, truth.category_indices, found)

    def compute(
        self, class_names: Sequence[str], min_precisions: Sequence[float] = ()
    ) -> CocoMetrics:
        """Return COCO's metrics, and the highest recall at each of these precisions."""
        return compute_coco_metrics(self._store, class_names, min_precisions)


open_tally = BoxTally
match = match_detections
overlap = overlap_boxes


def show_row(metrics: BoxMetrics) -> tuple[object, ...]:
    """Return the main figures with three decimals, ``-`` where there is nothing to measure."""
    shares = (metrics.precision, metrics.recall, metrics.map50, metrics.map50_95)
    cells = ("-" if share is None else f"{share:.3f}" for share in shares)
    return (metrics.name, metrics.images, metrics.boxes, *cells)


def summarize(overall: BoxMetrics) -> str:
    """Return the confidence that precision and recall belong to, and their F1."""
    if overall.conf is None or overall.f1 is None:
        return "note: no image of this split has a label, so there is nothing to measure"
    # Rounded down: a --conf of this figure keeps every box that was counted.
    shown = math.floor(overall.conf * 1000) / 1000
    if not overall.f1:
        return f"no box is right at any confidence; P and R at {shown:.3f}"
    return f"P and R at confidence {shown:.3f}, where the mean F1 is best: {overall.f1:.3f}"
