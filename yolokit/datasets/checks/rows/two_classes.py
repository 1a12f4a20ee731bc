"""Objects that are labelled as two classes."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_row, name_class, name_place
from yolokit.datasets.facts import DatasetFacts

CODE = "two-classes"
TITLE = "boxes that are labelled as two classes"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "keep the right one: a detector can give a box one class"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield the later of two labels of different classes whose boxes are nearly the same."""
    table = facts.table
    for row, (other, iou) in facts.twins.other_class.items():
        message = (
            f"this {name_class(table, row)} is a {name_class(table, other)} in "
            f"{name_place(table, other)} (IoU {iou:.2f})"
        )
        yield at_row(facts, CODE, row, message)
