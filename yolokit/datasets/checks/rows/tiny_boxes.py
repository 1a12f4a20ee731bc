"""Boxes of a pixel or two, which no detector can find."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_row, has_area, is_refused, name_class
from yolokit.datasets.facts import DatasetFacts

CODE = "tiny-boxes"
TITLE = "boxes narrower or lower than 2 px"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "often a stray click: look at them with `yolokit data show`, and take them out"
_TINY_PX = 2.0


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each such box, measured in its own image; where no size is known, none."""
    table = facts.table
    sides_px = table.sides_px
    tiny = (sides_px < _TINY_PX).any(axis=1) & (table.wh_px > 0).all(axis=1)
    for row in np.flatnonzero(tiny & has_area(table) & ~is_refused(facts)).tolist():
        width, height = sides_px[row].tolist()
        size = f"{width:.1f}x{height:.1f} px"
        yield at_row(facts, CODE, row, f"the box of this {name_class(table, row)} is {size}")
