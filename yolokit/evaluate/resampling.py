"""How far a difference of two models may be chance: the images of a split, drawn again and again.

A paired bootstrap: as many images as the split has are drawn with replacement, both models are
measured on the draw, and the middle 95 % of the differences are what other images of the same
kind might have shown. If 0 is outside, the choice of images does not explain the difference. It
says nothing of what another seed of the training would have changed.

Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", the percentile interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.boxes import pairwise_iou
from yolokit.core.plural import counted
from yolokit.metrics.fitness import DEFAULT, MAP50_95, parse_fitness
from yolokit.metrics.matching import match_to_truth

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yolokit.core.types import F64, I64, Detections
    from yolokit.metrics.fitness import Fitness

IOUS = np.arange(0.5, 1.0, 0.05)
_RECALLS = np.linspace(0, 1, 101)
_DRAWS, _FEW_DRAWS = 1000, 200
_MANY_CLASSES = 10
_MIDDLE = (2.5, 97.5)  # per cent
_MAP50_95 = parse_fitness(DEFAULT)
FEW_IMAGES = 10  # an interval from fewer would be a guess


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two models on the same images: a metric of each, and of the second less the first.

    Attributes:
        metric: Which: ``mAP50-95``, ``recall@0.9``.
        first: Of the first model; as COCO measures, so a little apart from torch's figure.
        second: Of the second.
        low: Lower end of the 95 % interval of the difference; None with too few images.
        high: Its upper end.
        images: How many.
        draws: How often they were drawn.
    """

    metric: str = MAP50_95
    first: float
    second: float
    low: float | None
    high: float | None
    images: int
    draws: int

    @property
    def is_clear(self) -> bool:
        """Whether the choice of images cannot explain the difference."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True, slots=True, eq=False)
class _ClassMatches:
    """The detections of one class, best score first, up to the score of the last that is true.

    Attributes:
        image_index: (N,) int64, the image of each.
        ends: (K,) int64, the last row of each score, ascending.
        true_rows: For each IoU of ``IOUS`` the rows of those that are true.
        true_counts: (I,) int64, true boxes of each image.
    """

    image_index: I64
    ends: I64
    true_rows: tuple[I64, ...]
    true_counts: I64


@dataclass(frozen=True, slots=True, eq=False)
class MatchedSet:
    """A model's detections on a split, matched with what is true, and ready to be measured."""

    image_count: int
    classes: tuple[_ClassMatches, ...]

    def measure(self, weights: I64, metric: Fitness = _MAP50_95) -> float:
        """Return a metric where each image counts (I,) times; 0 where nothing is true."""
        known = [one for one in self.measure_classes(weights, metric) if one is not None]
        return sum(known) / len(known) if known else 0.0

    def measure_classes(self, weights: I64, metric: Fitness = _MAP50_95) -> list[float | None]:
        """Return a metric of each class, likewise; None where nothing is true."""
        return [_measure(one, weights, metric) for one in self.classes]


def match_set(images: Iterable[tuple[F64, I64, Detections]], class_count: int) -> MatchedSet:
    """Match detections with true boxes at every IoU, by COCO's rule.

    Args:
        images: For each image its true boxes, (G, 4) float64 in px, their classes (G,) int64, and
            what was found.
        class_count: Class ids are below it.
    """
    parts: list[list[tuple[I64, F64, I64]]] = [[] for _ in range(class_count)]
    counts = []
    for index, (true_xyxy, true_ids, found) in enumerate(images):
        counts.append(np.bincount(true_ids, minlength=class_count))
        iou = pairwise_iou(found.xyxy.astype(np.float64), true_xyxy)
        for class_id in np.unique(found.class_ids):
            rows = np.flatnonzero(found.class_ids == class_id)
            held = _count_held(iou[np.ix_(rows, true_ids == class_id)])
            scores = found.scores[rows].astype(np.float64)
            parts[class_id].append((np.full(len(rows), index), scores, held))
    table = np.array(counts, np.int64).reshape(-1, class_count)
    classes = [_join(part, table[:, class_id]) for class_id, part in enumerate(parts)]
    return MatchedSet(len(counts), tuple(classes))


def draw_again(sets: Sequence[MatchedSet], metric: Fitness = _MAP50_95, *, seed: int = 0) -> F64:
    """Return (D, S) a metric of each set in each draw of the images, which all sets share."""
    count = sets[0].image_count
    draws = _DRAWS if max(len(one.classes) for one in sets) <= _MANY_CLASSES else _FEW_DRAWS
    rng = np.random.default_rng(seed)
    table = np.empty((draws, len(sets)))
    for row in table:
        weights = np.bincount(rng.integers(0, count, count), minlength=count)
        row[:] = [one.measure(weights, metric) for one in sets]
    return table


def compare_sets(first: MatchedSet, second: MatchedSet, metric: Fitness = _MAP50_95) -> Difference:
    """Compare two models by a metric on the same images, given in the same order.

    Raises:
        ValueError: They were not measured on as many images.
    """
    count = first.image_count
    if second.image_count != count:
        raise ValueError(f"{counted(count, 'image')} cannot be compared with {second.image_count}")
    ones = np.ones(count, np.int64)
    low = high = None
    draws = 0
    if count >= FEW_IMAGES:
        table = draw_again((first, second), metric)
        draws = len(table)
        low, high = map(float, np.percentile(table[:, 1] - table[:, 0], _MIDDLE))
    return Difference(
        metric=metric.name,
        first=first.measure(ones, metric),
        second=second.measure(ones, metric),
        low=low,
        high=high,
        images=count,
        draws=draws,
    )


def _count_held(iou: F64) -> I64:
    """Return (D, 10) int64: 1 where a detection is true at an IoU of ``IOUS``."""
    held = np.zeros((len(iou), len(IOUS)), np.int64)
    if iou.size and iou.max() >= IOUS[0]:
        for column, min_iou in enumerate(IOUS):
            held[:, column] = match_to_truth(iou, min_iou=min_iou) >= 0
    return held


def _join(parts: list[tuple[I64, F64, I64]], true_counts: I64) -> _ClassMatches:
    if not parts:
        none = np.zeros(0, np.int64)
        return _ClassMatches(none, none, (none,) * len(IOUS), true_counts)
    image_index, scores, held = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(-scores, kind="stable")
    held = held[order]
    ends = np.flatnonzero(np.diff(scores[order], append=-1))
    last = int(np.flatnonzero(held.any(axis=1)).max(initial=-1))
    ends = ends[: np.searchsorted(ends, last) + 1] if last >= 0 else ends[:0]
    used = int(ends.max(initial=-1)) + 1
    rows = tuple(np.flatnonzero(held[:used, column]) for column in range(len(IOUS)))
    return _ClassMatches(image_index[order][:used], ends, rows, true_counts)


def _measure(one: _ClassMatches, weights: I64, metric: Fitness) -> float | None:
    """Return a metric of a class; None where nothing is true."""
    total = int(one.true_counts @ weights)
    if not total:
        return None
    each = weights[one.image_index]
    found = np.cumsum(each)
    if metric.min_precisions:
        (share,) = metric.min_precisions
        return _find_recall(one, each, found, total, share)
    used = one.true_rows if metric == _MAP50_95 else one.true_rows[:1]
    return float(np.mean([_average_precision(rows, each, found, total) for rows in used]))


def _find_recall(one: _ClassMatches, each: I64, found: I64, total: int, share: float) -> float:
    """Return the highest recall at a precision of at least a share, as ``ScoredClass`` does."""
    true = np.zeros(len(each), np.int64)
    true[one.true_rows[0]] = each[one.true_rows[0]]
    true = np.cumsum(true)[one.ends]
    reached = true[true / np.maximum(found[one.ends], 1) >= share]
    return float(reached.max(initial=0)) / total


def _average_precision(rows: I64, each: I64, found: I64, total: int) -> float:
    """Return the mean of the interpolated precision at 101 recalls, as COCO defines it."""
    if not len(rows):
        return 0.0
    true = np.cumsum(each[rows])
    precision = true / np.maximum(found[rows], 1)
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(true / total, _RECALLS, side="left")
    return float(np.append(highest, 0.0)[at].mean())
