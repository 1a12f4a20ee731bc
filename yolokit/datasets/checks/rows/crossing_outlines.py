"""Outlines that cross themselves: what they enclose is not defined."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_row, name_class
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.self_crossing import find_self_crossing

CODE = "crossing-outlines"
TITLE = "outlines that cross themselves"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "put their points in order around the object"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each such outline; corners of rotated boxes have a check of their own."""
    table = facts.table
    rings = [
        (row, ring)
        for row, outline in table.shapes.items()
        if row not in table.rotated
        for ring in outline
    ]
    for row in sorted({rings[at][0] for at in find_self_crossing([ring for _, ring in rings])}):
        message = f"the outline of this {name_class(table, row)} crosses itself"
        yield at_row(facts, CODE, row, message)
