"""Errors by kind and by size, and whether scores mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from yolokit.core.boxes import box_areas
from yolokit.evaluate.judge import KINDS, MISSED, RIGHT, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from yolokit.core.types import F64, I64, Bool
    from yolokit.evaluate.judge import JudgedImage

Size = Literal["small", "medium", "large"]
SIZES: tuple[Size, ...] = ("small", "medium", "large")
_EDGES_PX2 = (32.0**2, 96.0**2)  # COCO's; a box of just this area has the larger size
_BINS = 10


class ErrorCount(msgspec.Struct, frozen=True, kw_only=True):
    """The errors of one kind.

    Attributes:
        kind: ``missed``: a true box that no detection is about; the others as in
            :func:`yolokit.evaluate.judge.judge_detections`.
        count: How many at the common confidence.
        small: Those below 32 x 32 px: of the true box, or of a false detection itself.
        medium: Those from there to below 96 x 96 px.
        large: Those above.
        f1_gain: Mean F1 that would be won if they were put right, see
            :mod:`yolokit.evaluate.costs`; None where there is no true box.
        ap50_gain: Mean AP50, likewise, but over all detections, also those that score less.
    """

    kind: Kind
    count: int
    small: int
    medium: int
    large: int
    f1_gain: float | None
    ap50_gain: float | None


class SizeCount(msgspec.Struct, frozen=True, kw_only=True):
    """The true boxes of one size, and how many of them are found right."""

    size: Size
    boxes: int
    right: int


class ScoreBin(msgspec.Struct, frozen=True, kw_only=True):
    """The detections whose scores are in a tenth of [0, 1]: are they right as often as that?

    Attributes:
        detections: How many.
        mean_score: Their mean score; None without any.
        precision: Share of them that is right; None without any.
    """

    detections: int
    mean_score: float | None = None
    precision: float | None = None


def count_errors(
    images: Sequence[JudgedImage],
    conf: float,
    f1_gains: Mapping[Kind, float],
    ap50_gains: Mapping[Kind, float],
) -> tuple[ErrorCount, ...]:
    """Count the errors at a confidence, one entry for each kind; what costs most F1 first."""
    areas: dict[Kind, list[F64]] = {kind: [] for kind in (MISSED, *KINDS) if kind != KINDS[RIGHT]}
    for image in images:
        areas[MISSED].append(box_areas(image.true_xyxy[image.find_missed(conf)]))
        for at in np.flatnonzero((image.scores >= conf) & (image.kinds != RIGHT)).tolist():
            partner = image.partners[at]
            box = image.xyxy[at] if partner < 0 else image.true_xyxy[partner]
            areas[KINDS[image.kinds[at]]].append(box_areas(box[None].astype(np.float64)))
    counted = []
    for kind, parts in areas.items():
        by_size = _count_by_size(np.concatenate([np.zeros(0), *parts]))
        sizes = dict(zip(SIZES, by_size, strict=True))
        count = sum(by_size)
        f1_gain, ap50_gain = f1_gains.get(kind), ap50_gains.get(kind)
        counted.append(
            ErrorCount(kind=kind, count=count, f1_gain=f1_gain, ap50_gain=ap50_gain, **sizes)
        )
    return tuple(sorted(counted, key=lambda one: (-(one.f1_gain or 0), -one.count)))


def count_sizes(images: Iterable[JudgedImage], conf: float) -> tuple[SizeCount, ...]:
    """Count the true boxes of each size, and those found right at a confidence."""
    areas, right = [np.zeros(0)], [np.zeros(0, np.bool_)]
    for image in images:
        areas.append(box_areas(image.true_xyxy))
        right.append(image.best_scores(RIGHT) >= conf)
    all_areas = np.concatenate(areas)
    boxes, found = (_count_by_size(part) for part in (all_areas, all_areas[np.concatenate(right)]))
    return tuple(
        SizeCount(size=size, boxes=boxes[i], right=found[i]) for i, size in enumerate(SIZES)
    )


def calibrate(scores: F64, is_right: Bool) -> tuple[ScoreBin, ...]:
    """Sort (N,) scores into ten bins, and tell how many of each are right."""
    places = np.minimum((scores * _BINS).astype(np.int64), _BINS - 1)
    bins = []
    for place in range(_BINS):
        rows = places == place
        count = int(rows.sum())
        if count:
            mean, precision = float(scores[rows].mean()), float(is_right[rows].mean())
            bins.append(ScoreBin(detections=count, mean_score=mean, precision=precision))
        else:
            bins.append(ScoreBin(detections=0))
    return tuple(bins)


def _count_by_size(areas: F64) -> list[int]:
    places: I64 = np.searchsorted(_EDGES_PX2, areas, side="right")
    return [int((places == i).sum()) for i in range(len(SIZES))]
