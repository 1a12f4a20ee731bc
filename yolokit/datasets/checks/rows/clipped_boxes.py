"""Boxes that stick out of their image, and are cut at its edge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.core.types import F64
from yolokit.datasets.checks.toolkit import (
    SLACK,
    at_row,
    has_area,
    is_refused,
    name_class,
    shows_in_image,
)
from yolokit.datasets.facts import DatasetFacts

CODE = "clipped-boxes"
TITLE = "boxes that stick out of their image"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "draw them up to the edge; what lies outside is cut off"
_SLACK_PX = 1.0  # rounding, and tools that count pixels from 1


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each box that sticks out by more than a pixel."""
    table = facts.table
    out = np.maximum(-table.xyxy, table.xyxy - 1.0)
    out = np.maximum(out[:, :2], out[:, 2:])  # (R, 2) fractions of width and height
    wh_px = table.wh_px
    limit: F64 = np.where(wh_px > 0, _SLACK_PX / np.maximum(wh_px, 1), SLACK)
    clipped = (out > limit).any(axis=1) & has_area(table) & shows_in_image(table)
    for row in np.flatnonzero(clipped & ~is_refused(facts)).tolist():
        sizes = wh_px[row]
        by = f"{(out[row] * sizes).max():.0f} px" if sizes.all() else f"{out[row].max():.1%}"
        message = f"the box of this {name_class(table, row)} sticks out of the image by {by}"
        yield at_row(facts, CODE, row, message)
