"""Boxes that lie outside their image, or that training refuses because they stick far out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_row, has_area, name_class, shows_in_image
from yolokit.datasets.facts import DatasetFacts

CODE = "outside-image"
TITLE = "boxes outside their image"
SEVERITY = "error"
PURPOSES = ("train", "val", "source")
HINT = "correct or remove them; many of them speak of a convention that was misread"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield what training refuses, or of a source each box of which nothing is in the image."""
    for split in facts.splits.values():
        yield from split.faults_of(CODE)
    if facts.purpose != "source":
        return
    table = facts.table
    for row in np.flatnonzero(has_area(table) & ~shows_in_image(table)).tolist():
        message = f"nothing of the box of this {name_class(table, row)} is in the image"
        yield at_row(facts, CODE, row, message)
