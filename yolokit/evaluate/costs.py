"""What each kind of error costs: the AP50 that would be won if it were put right, as TIDE does.

Each kind is mended alone, over all detections whatever their score: AP is made of all of them.
The gains do not add up to what is missing, since one mended error uncovers another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from yolokit.evaluate.curves import interpolate_precision
from yolokit.evaluate.judge import (
    DUPLICATE,
    FALSE,
    KINDS,
    LOOSE,
    MISSED,
    NEVER,
    RIGHT,
    WRONG_CLASS,
    Kind,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64, I64, U8, Bool
    from yolokit.evaluate.judge import JudgedImage


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """All detections of a data set, N of them, in the order of the images."""

    class_ids: I64  # (N,)
    scores: F64  # (N,)
    kinds: U8  # (N,)
    mended_ids: I64  # (N,) the class that each would be right for; -1: it would not be there
    true_counts: I64  # (C,)
    missed_counts: I64  # (C,) true boxes that no detection is about, whatever its score


def weigh_errors(images: Sequence[JudgedImage], class_count: int) -> dict[Kind, float]:
    """Return what each kind of error costs of the mean AP50; empty without any true box.

    False and duplicate detections are mended by taking them away; loose and wrongly named ones by
    making the best one of each true box right, unless that is found otherwise, and taking the
    others away; missed boxes by not asking for them (a class of which nothing is left counts 1).

    Source: Bolya et al. 2020 (TIDE), section 2.2, and its ``errors/main_errors.py``.
    """
    table = _collect(images, class_count)
    if not table.true_counts.any():
        return {}
    ap50 = _mean_ap50(table, table.kinds == RIGHT, table.true_counts)
    costs: dict[Kind, float] = {}
    for kind in (LOOSE, WRONG_CLASS, DUPLICATE, FALSE):
        costs[KINDS[kind]] = _mean_ap50(*_mend(table, kind)) - ap50
    left = table.true_counts - table.missed_counts
    costs[MISSED] = _mean_ap50(table, table.kinds == RIGHT, left) - ap50
    return costs


def _collect(images: Sequence[JudgedImage], class_count: int) -> _Table:
    none = np.zeros(0)
    true_ids = np.concatenate([none.astype(np.int64), *(one.true_ids for one in images)])
    missed = [one.true_ids[one.find_missed(0)] for one in images]
    return _Table(
        class_ids=np.concatenate([none.astype(np.int64), *(one.class_ids for one in images)]),
        scores=np.concatenate([none, *(one.scores for one in images)]),
        kinds=np.concatenate([none.astype(np.uint8), *(one.kinds for one in images)]),
        mended_ids=np.concatenate([none.astype(np.int64), *map(_find_mended, images)]),
        true_counts=np.bincount(true_ids, minlength=class_count),
        missed_counts=np.bincount(
            np.concatenate([none.astype(np.int64), *missed]), minlength=class_count
        ),
    )


def _find_mended(image: JudgedImage) -> I64:
    """Return (N,) the class each loose or wrongly named detection would be right for, else -1."""
    mended = np.full(len(image.scores), -1, np.int64)
    wrong = np.flatnonzero(np.isin(image.kinds, (LOOSE, WRONG_CLASS)))
    free = image.best_scores(RIGHT) == NEVER
    for row in wrong[free[image.partners[wrong]]].tolist():  # best score first
        partner = image.partners[row]
        if free[partner]:
            free[partner] = False
            mended[row] = image.true_ids[partner]
    return mended


def _mend(table: _Table, kind: int) -> tuple[_Table, Bool, I64]:
    """Return the arguments of :func:`_mean_ap50` with one kind of error put right."""
    bad = table.kinds == kind
    mended = bad & (table.mended_ids >= 0)
    kept = ~bad | mended
    class_ids = np.where(mended, table.mended_ids, table.class_ids)
    changed = replace(table, class_ids=class_ids[kept], scores=table.scores[kept])
    return changed, ((table.kinds == RIGHT) | mended)[kept], table.true_counts


def _mean_ap50(table: _Table, is_right: Bool, asked_counts: I64) -> float:
    order = np.lexsort((-table.scores, table.class_ids))
    edges = np.searchsorted(table.class_ids[order], np.arange(len(asked_counts) + 1))
    values = [
        interpolate_precision(is_right[order[edges[i] : edges[i + 1]]], int(asked)).mean()
        if (asked := asked_counts[i])
        else 1.0
        for i in np.flatnonzero(table.true_counts)
    ]
    return float(np.mean(values))
