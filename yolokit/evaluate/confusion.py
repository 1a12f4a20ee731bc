"""The confusion matrix: what each true box was taken for, at one confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.evaluate.judge import RIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolokit.core.types import I64, Bool
    from yolokit.evaluate.judge import JudgedImage


def count_confusions(images: Iterable[JudgedImage], class_count: int, conf: float) -> I64:
    """Count (C + 1, C + 1) pairs of a true class (row) and a found one (column).

    The last row and the last column are the background: the last column counts true boxes that
    nothing was found for, the last row detections where nothing (more) is labelled. Only
    detections of at least ``conf`` count. Each true box and each detection is counted once:

    1. within each class detections and true boxes are matched by COCO's rule, so the diagonal
       holds exactly the detections that precision and recall count as right;
    2. of what is left, each detection, best score first, takes the free true box of another
       class that it overlaps most, by IoU 0.5 or more;
    3. the rest is background.
    """
    counts = np.zeros((class_count + 1, class_count + 1), np.int64)
    for image in images:
        kept = image.scores >= conf
        right = kept & (image.kinds == RIGHT)
        free = np.ones(len(image.true_ids), np.bool_)
        free[image.partners[right]] = False
        rest = kept & ~right
        np.add.at(counts, (image.class_ids[right], image.class_ids[right]), 1)
        for row, column in _match_others(image.mixed_up, rest, free):
            counts[image.true_ids[column], image.class_ids[row]] += 1
        np.add.at(counts[:, -1], image.true_ids[free], 1)
        np.add.at(counts[-1], image.class_ids[rest], 1)
    return counts


def _match_others(pairs: I64, rest: Bool, free: Bool) -> list[tuple[int, int]]:
    """Match detections with true boxes of another class; takes those out of rest and free."""
    matched = []
    for row, column in pairs.tolist():
        if rest[row] and free[column]:
            rest[row] = free[column] = False
            matched.append((row, column))
    return matched
