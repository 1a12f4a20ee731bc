"""Detections that only one of two equal models has, since rounding decided between two boxes.

Suppression keeps the better one of two boxes that overlap. Where their scores are equal but for
rounding, or their overlap is the limit but for rounding, either may stay, and others with it or
without it. A barely trained model has little else: all its boxes score alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import pairwise_iou

if TYPE_CHECKING:
    from yolokit.core.types import I64, Bool, Detections

_IOU_SLACK = 1e-3  # a hundredth of a pixel moves the overlap of a box of 40 px by as much


def find_ties(
    a: Detections,
    b: Detections,
    alone_a: I64,
    alone_b: I64,
    *,
    iou_limit: float,
    score_slack: float,
) -> tuple[Bool, Bool]:
    """Tell which detections lack a partner only because of a tie.

    Args:
        a: The detections of one model in an image, after suppression.
        b: Those of the other.
        alone_a: (N,) int64, those of a without a partner.
        alone_b: (M,) int64, those of b without one.
        iou_limit: Overlap above which suppression keeps one box of two.
        score_slack: Scores that differ by no more are equal but for rounding.

    Returns:
        (N,) and (M,) bool.
    """
    by_b, edge_a = _suppressors(a, b, alone_a, iou_limit, score_slack)
    by_a, edge_b = _suppressors(b, a, alone_b, iou_limit, score_slack)
    tied_a, tied_b = edge_a, edge_b
    if len(alone_a) and len(alone_b):
        score_diff = np.abs(a.scores[alone_a, None].astype(np.float64) - b.scores[None, alone_b])
        swapped = by_b[:, alone_b] & by_a[:, alone_a].T & (score_diff <= score_slack)
        tied_a, tied_b = tied_a | swapped.any(axis=1), tied_b | swapped.any(axis=0)
    while True:  # what a tied box suppresses depends on the tie as well
        next_a = tied_a | (by_b[:, alone_b] & tied_b).any(axis=1)
        next_b = tied_b | (by_a[:, alone_a] & next_a).any(axis=1)
        if (next_a == tied_a).all() and (next_b == tied_b).all():
            return tied_a, tied_b
        tied_a, tied_b = next_a, next_b


def _suppressors(
    own: Detections, others: Detections, alone: I64, iou_limit: float, score_slack: float
) -> tuple[Bool, Bool]:
    """Return (N, others) bool, which of them suppress those alone; (N,), whose overlap is a tie."""
    iou = pairwise_iou(own.xyxy[alone].astype(np.float64), others.xyxy.astype(np.float64))
    same = own.class_ids[alone, None] == others.class_ids[None, :]
    scores = own.scores[alone, None].astype(np.float64)
    suppress = same & (iou > iou_limit - _IOU_SLACK) & (others.scores >= scores - score_slack)
    return suppress, (suppress & (iou < iou_limit + _IOU_SLACK)).any(axis=1)
