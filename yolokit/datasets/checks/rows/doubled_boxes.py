"""Objects with two boxes of one class, which are nearly the same."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_row, name_class, name_place
from yolokit.datasets.facts import DatasetFacts

CODE = "doubled-boxes"
TITLE = "objects with two boxes that are nearly the same"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "keep the better one: two boxes of one object teach the model to find it twice"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield the later of two such boxes."""
    table = facts.table
    for row, (other, iou) in facts.twins.same_class.items():
        message = (
            f"this {name_class(table, row)} has nearly the box of {name_place(table, other)} "
            f"(IoU {iou:.2f})"
        )
        yield at_row(facts, CODE, row, message)
