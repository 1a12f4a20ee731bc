"""Non-maximum suppression that gives the same answer every time, however long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import box_areas

if TYPE_CHECKING:
    from yolokit.core.types import F32, I64


def suppress_overlaps(
    xyxy: F32, scores: F32, class_ids: I64, *, max_iou: float, max_count: int
) -> I64:
    """Keep the best box of every cluster of overlapping boxes of one class.

    Greedy: boxes are visited by descending score, equal scores by ascending index, and a box
    goes when its IoU with a kept one of its class exceeds ``max_iou``.

    Args:
        xyxy: (N, 4) float32 in pixels of any frame.
        scores: (N,) float32.
        class_ids: (N,) int64; boxes of different classes never suppress each other.
        max_iou: Overlap in [0, 1] up to which two boxes both stay.
        max_count: Stop after this many.

    Returns:
        (K,) int64 indices of the boxes to keep, by descending score.
    Source: Felzenszwalb et al. 2010, "Object Detection with Discriminatively Trained
        Part-Based Models", section V.C.
    """
    order = np.argsort(-scores, kind="stable")
    boxes, classes, areas = xyxy[order], class_ids[order], box_areas(xyxy)[order]
    kept: list[int] = []
    while len(order) and len(kept) < max_count:
        kept.append(int(order[0]))
        stay = ~_overlaps_first(boxes, areas, max_iou) | (classes != classes[0])
        stay[0] = False
        order, boxes, classes, areas = order[stay], boxes[stay], classes[stay], areas[stay]
    return np.array(kept, np.int64)


def _overlaps_first(
    boxes: F32, areas: F32, max_iou: float
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return (N,) bool: does a box overlap the first one by more than ``max_iou``."""
    low = np.maximum(boxes[:, :2], boxes[0, :2])
    high = np.minimum(boxes[:, 2:4], boxes[0, 2:4])
    size = np.maximum(high - low, np.float32(0))
    overlap = size[:, 0] * size[:, 1]
    # Compared without a division: exact at the threshold, and defined for boxes without area.
    result: np.ndarray[tuple[int], np.dtype[np.bool_]] = overlap > np.float32(max_iou) * (
        areas + areas[0] - overlap
    )
    return result
