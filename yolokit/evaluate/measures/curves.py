"""Precision, recall and F1 of each class over recall and over confidence, in 101 points each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from yolokit.metrics.coco import ScoredClass, find_best_conf

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.core.types import F64, Bool

POINTS = np.linspace(0, 1, 101)  # recall levels, as COCO has them, and confidences
_DIGITS = 4


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One class, or the means over the classes that have true boxes, at IoU 0.5.

    All lists have 101 values, for 0, 0.01 ... 1; empty, and figures None, without true boxes.

    Attributes:
        name: The class, or ``all``.
        boxes: True boxes.
        found: Detections of at least the best common confidence.
        right: Those of them that are right.
        precision: Share of ``found`` that is right; 0 where nothing is found.
        recall: Share of ``boxes`` that is found.
        f1: Harmonic mean of the two.
        best_conf: Confidence with the highest F1 of this class alone; see
            :func:`yolokit.metrics.coco.find_best_conf`.
        best_f1: That F1.
        ap50: Average precision: the mean of ``precision_by_recall``.
        precision_by_recall: The best precision at each recall or a higher one; 0 where that
            recall is not reached. COCO's interpolation.
        precision_by_conf: Precision of what scores at least each confidence.
        recall_by_conf: Recall, likewise.
        f1_by_conf: F1, likewise.
    """

    name: str
    boxes: int
    found: int = 0
    right: int = 0
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    best_conf: float | None = None
    best_f1: float | None = None
    ap50: float | None = None
    precision_by_recall: tuple[float, ...] = ()
    precision_by_conf: tuple[float, ...] = ()
    recall_by_conf: tuple[float, ...] = ()
    f1_by_conf: tuple[float, ...] = ()


def draw_curves(
    names: Sequence[str],
    scores: Sequence[F64],
    is_right: Sequence[Bool],
    true_counts: Sequence[int],
) -> tuple[float, Curve, tuple[Curve, ...]]:
    """Compute the curves of all classes.

    Args:
        names: Of the C classes.
        scores: For each class those of its detections, (N,) in the order of the images.
        is_right: Whether each of them is right.
        true_counts: True boxes of each class.

    Returns:
        The confidence with the highest mean F1, the means over the classes, and the classes.
    """
    scored = {
        i: ScoredClass(scores[i], is_right[i], count)
        for i, count in enumerate(true_counts)
        if count
    }
    conf = find_best_conf(list(scored.values()))
    values = {i: _compute_values(one, conf) for i, one in scored.items()}
    curves = tuple(
        _curve(name, true_counts[i], _count(scores[i], is_right[i], conf), values.get(i, {}))
        for i, name in enumerate(names)
    )
    counts = (sum(one.found for one in curves), sum(one.right for one in curves))
    overall = _curve("all", sum(true_counts), counts, _average(list(values.values()), conf))
    return conf, overall, curves


def interpolate_precision(is_right: Bool, true_count: int) -> F64:
    """Return (101,) the precision at each recall level, interpolated as COCO does.

    Args:
        is_right: (N,) bool, best score first.
        true_count: True boxes, at least 1.
    Source: pycocotools ``cocoeval.py:COCOeval.accumulate``.
    """
    right = np.cumsum(is_right)
    precision = right / np.arange(1, len(is_right) + 1)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return envelope[np.searchsorted(right / true_count, POINTS, side="left")]


def _compute_values(one: ScoredClass, conf: float) -> dict[str, Any]:
    """Return the figures and lists of one class, named as in :class:`Curve`."""
    found, right = one.count_at(POINTS)
    by_recall = interpolate_precision(one.is_true, one.true_count)
    best_conf = find_best_conf([one])
    precision, recall, f1 = one.operate_at(conf)
    return {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "best_conf": best_conf,
        "best_f1": one.operate_at(best_conf)[2],
        "ap50": float(by_recall.mean()),
        "precision_by_recall": by_recall,
        "precision_by_conf": right / np.maximum(found, 1),
        "recall_by_conf": right / one.true_count,
        "f1_by_conf": 2 * right / (found + one.true_count),
    }


def _average(classes: Sequence[Mapping[str, Any]], conf: float) -> dict[str, Any]:
    if not classes:
        return {}
    means = {key: np.mean([one[key] for one in classes], axis=0) for key in classes[0]}
    return means | {"best_conf": conf, "best_f1": means["f1"]}


def _count(scores: F64, is_right: Bool, conf: float) -> tuple[int, int]:
    kept = scores >= conf
    return int(kept.sum()), int(is_right[kept].sum())


def _curve(name: str, boxes: int, counts: tuple[int, int], values: Mapping[str, Any]) -> Curve:
    plain = {
        key: tuple(value.round(_DIGITS).tolist()) if np.ndim(value) else float(value)
        for key, value in values.items()
    }
    return msgspec.convert(
        {"name": name, "boxes": boxes, "found": counts[0], "right": counts[1]} | plain, Curve
    )
