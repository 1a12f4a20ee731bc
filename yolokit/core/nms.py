"""Non-maximum suppression that gives the same answer every time, however long it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import overlap_and_union

if TYPE_CHECKING:
    from yolokit.core.types import F32, I64, Bool

_BLOCK = 256  # candidates that are compared with each other at once


def suppress_overlaps(
    xyxy: F32, scores: F32, class_ids: I64, *, max_iou: float, max_det: int
) -> I64:
    """Keep the best box of every cluster of overlapping boxes of one class.

    Greedy: boxes are visited by descending score, equal scores by ascending index, and a box
    goes when its IoU with a kept one of its class exceeds ``max_iou``.

    Args:
        xyxy: (N, 4) float32 in pixels of any frame.
        scores: (N,) float32.
        class_ids: (N,) int64; boxes of different classes never suppress each other.
        max_iou: Overlap in [0, 1] up to which two boxes both stay.
        max_det: Stop after this many.

    Returns:
        (K,) int64 indices of the boxes to keep, by descending score.
    Source: Felzenszwalb et al. 2010, "Object Detection with Discriminatively Trained
        Part-Based Models", section V.C.
    """
    order = np.argsort(-scores, kind="stable")
    kept = np.zeros(0, np.int64)
    # Block by block: of thousands of candidates, as evaluation has them, the first hundreds
    # usually fill max_det, and no pair beyond them is ever compared.
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        block = block[~_overlap_matrix(xyxy, class_ids, kept, block, max_iou).any(axis=0)]
        clashes = _overlap_matrix(xyxy, class_ids, block, block, max_iou)
        kept = np.concatenate([kept, block[_greedy(clashes, max_det - len(kept))]])
        if len(kept) >= max_det:
            break
    return kept


def _greedy(clashes: Bool, max_det: int) -> list[int]:
    """Visit (N, N) clashing candidates in order; keep each one that no kept one clashes with."""
    alive = np.ones(len(clashes), np.bool_)
    kept: list[int] = []
    for candidate, row in enumerate(clashes):
        if len(kept) == max_det:
            break
        if alive[candidate]:
            kept.append(candidate)
            alive &= ~row
    return kept


def _overlap_matrix(xyxy: F32, class_ids: I64, a: I64, b: I64, max_iou: float) -> Bool:
    """Return (len(a), len(b)) bool: same class, and an IoU above ``max_iou``.

    ``a`` and ``b`` are indices of boxes.
    """
    overlap, union = overlap_and_union(xyxy[a], xyxy[b])
    # Compared without a division: exact at the threshold, and defined for boxes without area.
    result: Bool = overlap > np.float32(max_iou) * union
    result &= class_ids[a][:, None] == class_ids[b][None, :]
    return result
