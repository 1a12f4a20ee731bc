"""(B, K, 6 + E): rows of xyxy in input px, score in [0, 1], class, E further values; best first.

The head suppresses overlaps itself; rows of score 0 are its own padding.
Source: ultralytics ``nn/modules/head.py:Detect.postprocess``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.errors import ModelOutputError
from yolokit.runtime.heads.toolkit import Candidates, check_finite, check_pixels, check_scores

if TYPE_CHECKING:
    from yolokit.core.types import F32, F64

BOX_AXIS = 1
SUPPRESSES_OVERLAPS = True
TAKES_LIMITS = False

_COLUMNS = 6  # x1, y1, x2, y2, score, class


def count_values(class_count: int, extra_count: int = 0) -> int:
    """Return the number of columns, which does not depend on that of classes."""
    del class_count
    return _COLUMNS + extra_count


def describe_shape(class_count: int, extra_count: int = 0) -> str:
    """Return the output's shape in words."""
    return f"(batch, boxes, {count_values(class_count, extra_count)})"


def decode(
    output: F32,
    *,
    class_count: int,
    extra_count: int = 0,
    min_score: float,
    multi_label: bool = False,
) -> Candidates:
    """Return the rows (K, 6 + E) that reach the score, by descending score.

    ``multi_label`` changes nothing: the head has chosen one class for each box.
    """
    del multi_label
    found = read_rows(output, class_count=class_count, extra_count=extra_count, min_score=min_score)
    if len(found.scores):
        check_pixels(output[output[:, 4] > 0, :4])
    return found


def read_rows(
    output: F32, *, class_count: int, extra_count: int = 0, min_score: float
) -> Candidates:
    """Return the rows (K, 6 + E) that reach the score, by descending score, in any unit.

    Raises:
        ModelOutputError: A value cannot be right.
    """
    columns = count_values(class_count, extra_count)
    if output.ndim != 2 or output.shape[1] != columns:
        raise ModelOutputError(f"an end-to-end output is (K, {columns}), not {output.shape}")
    check_finite(output)
    check_scores(output[:, 4])
    rows = output[(output[:, 4] >= min_score) & (output[:, 4] > 0)]
    rows = rows[np.argsort(-rows[:, 4], kind="stable")]
    class_ids = rows[:, 5].astype(np.int64)
    wrong = (class_ids != rows[:, 5]) | (class_ids < 0) | (class_ids >= class_count)
    if wrong.any():
        raise ModelOutputError(
            f"the model's output names class {float(rows[wrong][0, 5]):g} of {class_count}"
        )
    return Candidates(rows[:, :4], rows[:, 4].copy(), class_ids, rows[:, _COLUMNS:])


def split_comparable(output: F32) -> tuple[F64, F64]:
    """Return no boxes, and the scores (1, K) alone: of equal scores either row may come first."""
    values = output.astype(np.float64)
    return values[:0], values[:, 4:5].T
