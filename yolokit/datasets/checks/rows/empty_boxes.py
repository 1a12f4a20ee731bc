"""Boxes without an area."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_row, has_area, is_refused, name_class
from yolokit.datasets.facts import DatasetFacts

CODE = "empty-boxes"
TITLE = "boxes without an area"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "correct their width and height, or take them out"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each such box."""
    table = facts.table
    for row in np.flatnonzero(~has_area(table) & ~is_refused(facts)).tolist():
        x1, y1, x2, y2 = table.xyxy[row].tolist()
        fault = "ends before it begins" if x2 < x1 or y2 < y1 else "has no area"
        yield at_row(facts, CODE, row, f"the box of this {name_class(table, row)} {fault}")
