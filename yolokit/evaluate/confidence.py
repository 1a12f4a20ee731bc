"""Precision, recall and F1 at a confidence threshold, and the threshold that is best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64, I64, Bool


class ScoredClass:
    """The detections of one class that has true boxes, ready to be counted.

    Args:
        scores: (N,) floats in any order.
        is_true: (N,) bool, whether each is matched with a true box.
        true_count: Number of true boxes, at least 1.
    """

    def __init__(self, scores: F64, is_true: Bool, true_count: int) -> None:
        if true_count < 1:
            raise ValueError("a class without true boxes has no recall")
        order = np.argsort(-scores, kind="stable")
        self.scores = scores[order]
        self.true_count = true_count
        self._cumulated = np.concatenate([[0], np.cumsum(is_true[order])])

    def count_at(self, confs: F64) -> tuple[I64, I64]:
        """Return how many detections score at least each threshold, and how many are true."""
        found = np.searchsorted(-self.scores, -confs, side="right")
        return found, self._cumulated[found]


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What a detector does for one class at one confidence threshold.

    Attributes:
        conf: The threshold; detections that score at least this count.
        precision: Share of the detections that are true; 0 where there are none, so that a
            class that is never found lowers the mean.
        recall: Share of the true boxes that are found.
        f1: Harmonic mean of the two.
    """

    conf: float
    precision: float
    recall: float
    f1: float


def find_best_conf(classes: Sequence[ScoredClass]) -> float:
    """Return the threshold with the highest mean F1 of the classes; of equal ones the highest.

    Only scores of detections are candidates: the counts change nowhere else. Without any
    detection all thresholds are equal, and the answer is 1.
    """
    confs = np.unique(np.concatenate([[1.0], *(one.scores for one in classes)]))[::-1]
    total_f1 = np.zeros(len(confs))
    for one in classes:
        found, true = one.count_at(confs)
        total_f1 += 2 * true / (found + one.true_count)
    return float(confs[total_f1.argmax()])


def operate_at(one: ScoredClass, conf: float) -> OperatingPoint:
    """Return precision, recall and F1 of one class at a threshold."""
    found, true = (int(counts[0]) for counts in one.count_at(np.array([conf])))
    return OperatingPoint(
        conf=conf,
        precision=true / found if found else 0.0,
        recall=true / one.true_count,
        f1=2 * true / (found + one.true_count),
    )
