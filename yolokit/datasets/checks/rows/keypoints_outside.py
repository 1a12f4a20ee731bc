"""Keypoints outside their box, or outside the image."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.core.types import F64
from yolokit.datasets.checks.toolkit import SLACK, at_row, name_class
from yolokit.datasets.facts import DatasetFacts

CODE = "keypoints-outside"
TITLE = "keypoints outside their box or image"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "correct them, or draw the box around them; one that is not seen has visibility 0"
_SLACK_OF_BOX = 0.1  # boxes are drawn around what is seen of an object


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each object with such keypoints."""
    table = facts.table
    if not table.keypoints:
        return
    rows = np.array(list(table.keypoints), np.int64)
    points = np.stack(list(table.keypoints.values())).astype(np.float64)  # (N, K, 3)
    boxes = table.xyxy[rows]
    labelled = points[..., 2] > 0
    whole = np.tile([0.0, 0.0, 1.0, 1.0], (len(rows), 1))
    off_image = labelled & (_distance(points, whole) > SLACK).any(axis=2)
    sides = (boxes[:, 2:] - boxes[:, :2])[:, None]
    off_box = labelled & ~off_image
    off_box &= (_distance(points, boxes) > np.maximum(_SLACK_OF_BOX * sides, SLACK)).any(axis=2)
    for at in np.flatnonzero((off_image | off_box).any(axis=1)).tolist():
        told = [
            _tell(found[at], where)
            for found, where in ((off_image, "the image"), (off_box, "its box"))
        ]
        row = int(rows[at])
        message = f"this {name_class(table, row)} has {' and '.join(filter(None, told))}"
        yield at_row(facts, CODE, row, message)


def _distance(points: F64, boxes: F64) -> F64:
    """Return (N, K, 2), how far (N, K, 3) points lie outside (N, 4) boxes in x and y."""
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    out: F64 = np.maximum(low - points[..., :2], points[..., :2] - high)
    return out


def _tell(outside: np.ndarray, where: str) -> str:
    numbers = [str(number + 1) for number in np.flatnonzero(outside).tolist()]
    if not numbers:
        return ""
    noun = "keypoint" if len(numbers) == 1 else "keypoints"
    return f"{noun} {', '.join(numbers)} outside {where}"
