"""What each kind of error costs: what would be won if it were put right, each kind alone.

False and duplicate detections are put right by taking them away; loose and wrongly named ones by
making the best one of each true box right, unless that is found otherwise, and taking the others
away. The gains do not add up to what is missing, since one mended error uncovers another.
Source: Bolya et al. 2020 (TIDE), section 2.2, for AP50; F1 at one confidence is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.evaluate.curves import interpolate_precision
from yolokit.evaluate.judge import (
    DUPLICATE,
    FALSE,
    KINDS,
    LOOSE,
    MISSED,
    RIGHT,
    WRONG_CLASS,
    Kind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from yolokit.core.types import F64, I64, U8, Bool
    from yolokit.evaluate.judge import JudgedImage

_WRONG = (LOOSE, WRONG_CLASS, DUPLICATE, FALSE)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """All detections of a data set, N of them, in the order of the images."""

    class_ids: I64  # (N,)
    scores: F64  # (N,)
    kinds: U8  # (N,)
    mended_ids: I64  # (N,) the class that each would be right for; -1: it would not be there
    true_counts: I64  # (C,)
    missed_counts: I64  # (C,) true boxes that no detection is about, whatever its score


def weigh_in_f1(images: Sequence[JudgedImage], class_count: int, conf: float) -> dict[Kind, float]:
    """Return what the errors at a confidence cost of the mean F1; empty without any true box.

    A missed box is put right by a right detection of it.
    """
    kept = [np.flatnonzero(image.scores >= conf) for image in images]
    pairs = list(zip(images, kept, strict=True))
    class_ids = _join(image.class_ids[rows] for image, rows in pairs)
    kinds = _join(image.kinds[rows] for image, rows in pairs)
    mended_ids = _join(_find_mended(image, conf)[rows] for image, rows in pairs)
    true_ids = _join(image.true_ids for image in images)
    if not len(true_ids):
        return {}

    def mean_f1(kept: Bool, won_ids: I64) -> float:
        """Return the F1 of some of the detections, and of right ones of these classes."""
        won, true = (np.bincount(ids, minlength=class_count) for ids in (won_ids, true_ids))
        found, right = (
            won + np.bincount(class_ids[rows], minlength=class_count)
            for rows in (kept, kinds == RIGHT)
        )
        return float((2 * right / np.maximum(found + true, 1))[true > 0].mean())

    everything, nothing = np.ones(len(kinds), np.bool_), np.zeros(0, np.int64)
    missed_ids = _join(image.true_ids[image.find_missed(conf)] for image in images)
    after = {MISSED: mean_f1(everything, missed_ids)}
    for kind in _WRONG:
        bad = kinds == kind
        after[KINDS[kind]] = mean_f1(~bad, mended_ids[bad & (mended_ids >= 0)])
    before = mean_f1(everything, nothing)
    return {kind: value - before for kind, value in after.items()}


def weigh_in_ap50(images: Sequence[JudgedImage], class_count: int) -> dict[Kind, float]:
    """Return what each kind of error costs of the mean AP50; empty without any true box.

    AP is made of all detections, so all of them count, whatever their score, and a box is missed
    only where not one is about it. Such boxes are put right by not asking for them, as TIDE does; a
    class of which nothing is left then counts 1.
    """
    table = _collect(images, class_count)
    if not table.true_counts.any():
        return {}
    ap50 = _mean_ap50(table, table.kinds == RIGHT, table.true_counts)
    costs: dict[Kind, float] = {}
    for kind in _WRONG:
        costs[KINDS[kind]] = _mean_ap50(*_mend(table, kind)) - ap50
    left = table.true_counts - table.missed_counts
    costs[MISSED] = _mean_ap50(table, table.kinds == RIGHT, left) - ap50
    return costs


def _collect(images: Sequence[JudgedImage], class_count: int) -> _Table:
    true_ids = _join(image.true_ids for image in images)
    missed_ids = _join(image.true_ids[image.find_missed(0)] for image in images)
    return _Table(
        class_ids=_join(image.class_ids for image in images),
        scores=_join(image.scores for image in images).astype(np.float64),
        kinds=_join(image.kinds for image in images),
        mended_ids=_join(map(_find_mended, images)),
        true_counts=np.bincount(true_ids, minlength=class_count),
        missed_counts=np.bincount(missed_ids, minlength=class_count),
    )


def _join(parts: Iterable[npt.NDArray[Any]]) -> Any:
    """Return all parts as one array; of class ids where there is none."""
    listed = list(parts)
    return np.concatenate(listed) if listed else np.zeros(0, np.int64)


def _find_mended(image: JudgedImage, conf: float = 0) -> I64:
    """Return (N,) the class each loose or wrongly named detection would be right for, else -1."""
    mended = np.full(len(image.scores), -1, np.int64)
    wrong = np.flatnonzero(np.isin(image.kinds, (LOOSE, WRONG_CLASS)) & (image.scores >= conf))
    free = image.best_scores(RIGHT) < conf
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
