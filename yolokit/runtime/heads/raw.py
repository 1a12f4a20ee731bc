"""(B, 4 + C + E, A): each anchor's cxcywh in input px, its C scores in [0, 1], E further values.

Source: ultralytics ``utils/nms.py:non_max_suppression``, without its time limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import cxcywh_to_xyxy
from yolokit.core.plural import counted
from yolokit.errors import ModelOutputError
from yolokit.runtime.heads.toolkit import Candidates, check_finite, check_pixels, check_scores

if TYPE_CHECKING:
    from yolokit.core.types import F32, F64, I64

BOX_AXIS = 2
SUPPRESSES_OVERLAPS = False
TAKES_LIMITS = False

# Candidates that enter the suppression of one image, as upstream has it.
MAX_CANDIDATES = 30_000


def count_values(class_count: int, extra_count: int = 0) -> int:
    """Return the number of rows: a box, a score for each class, and the rest."""
    return 4 + class_count + extra_count


def describe_shape(class_count: int, extra_count: int = 0) -> str:
    """Return the output's shape in words."""
    rows = count_values(class_count, extra_count)
    return f"(batch, {rows}, anchors) for {counted(class_count, 'class', 'classes')}"


def decode(
    output: F32,
    *,
    class_count: int,
    extra_count: int = 0,
    min_score: float,
    multi_label: bool = False,
) -> Candidates:
    """Return the anchors (4 + C + E, A) that reach the score, in no particular order."""
    _check_shape(output, class_count, extra_count)
    check_finite(output)
    scores_by_class = output[4 : 4 + class_count]
    best = scores_by_class.max(axis=0, initial=0)
    check_scores(best)
    anchors = np.flatnonzero(best >= min_score)
    if len(anchors):
        check_pixels(output[:2].T)
    scores_by_class = scores_by_class[:, anchors]
    if multi_label:
        class_ids, columns = np.nonzero(scores_by_class >= min_score)
    else:
        class_ids, columns = scores_by_class.argmax(axis=0), np.arange(len(anchors))
    scores = scores_by_class[class_ids, columns]
    if len(scores) > MAX_CANDIDATES:
        top = _highest(scores, MAX_CANDIDATES)
        class_ids, columns, scores = class_ids[top], columns[top], scores[top]
    chosen = anchors[columns]
    return Candidates(
        xyxy=cxcywh_to_xyxy(output[:4, chosen].T),
        scores=scores,
        class_ids=class_ids.astype(np.int64, copy=False),
        extras=output[4 + class_count :, chosen].T,
    )


def split_comparable(output: F32) -> tuple[F64, F64]:
    """Return the boxes (4, A) and all else (C + E, A): anchors have fixed places."""
    values = output.astype(np.float64)
    return values[:4], values[4:]


def _check_shape(output: F32, class_count: int, extra_count: int) -> None:
    if output.ndim != 2 or output.shape[0] < 5:
        raise ModelOutputError(f"a raw output is (4 + C, A), not {output.shape}")
    rows = count_values(class_count, extra_count)
    if output.shape[0] != rows:
        raise ModelOutputError(
            f"{counted(class_count, 'class needs', 'classes need')} "
            f"{counted(rows, 'row')} of output, not {output.shape[0]}"
        )


def _highest(scores: F32, count: int) -> I64:
    """Return the indices, ascending, of the ``count`` highest scores; of equal ones the first."""
    limit = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = np.flatnonzero(scores > limit)
    equal = np.flatnonzero(scores == limit)[: count - len(above)]
    return np.sort(np.concatenate([above, equal]))
