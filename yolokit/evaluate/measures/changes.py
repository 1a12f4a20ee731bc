"""What two measurements of a data set differ by, class by class, and at the usual threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.metrics.coco import ScoredClass
from yolokit.metrics.store import BoxStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.evaluate.accuracy import Accuracy, MeasuredImage


class ClassChange(msgspec.Struct, frozen=True, kw_only=True):
    """mAP50-95 of one class by two models; None where nothing is true."""

    name: str
    boxes: int
    first: float | None
    second: float | None
    lost: float | None


def compare_classes(first: Accuracy, second: Accuracy) -> tuple[ClassChange, ...]:
    """Return what each class of the data set has lost, the most first."""
    changes = [
        ClassChange(
            name=a.name,
            boxes=a.boxes,
            first=a.map50_95,
            second=b.map50_95,
            lost=None if a.map50_95 is None or b.map50_95 is None else a.map50_95 - b.map50_95,
        )
        for a, b in zip(first.classes, second.classes, strict=True)
    ]
    return tuple(sorted(changes, key=lambda one: math.inf if one.lost is None else -one.lost))


def find_f1(images: Sequence[MeasuredImage], class_count: int, conf: float) -> float:
    """Return the mean F1 of the classes that have true boxes, of boxes from a score up."""
    store = BoxStore()
    for one in images:
        store.add(one.true_xyxy, one.true_class_ids, one.found)
    truth, found = store.truth_by_class(class_count), store.found_by_class(class_count)
    known = [
        ScoredClass(own.scores.astype(np.float64), own.is_true, len(true)).operate_at(conf)[2]
        for true, own in zip(truth, found, strict=True)
        if len(true)
    ]
    return sum(known) / len(known)
