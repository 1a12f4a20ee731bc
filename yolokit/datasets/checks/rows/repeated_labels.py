"""Labels that are in their image twice; training counts them once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import at_row, name_class, name_place
from yolokit.datasets.facts import DatasetFacts

CODE = "repeated-labels"
TITLE = "labels that repeat another one of their image"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "take the second one out"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each label that has all that an earlier one of its image has."""
    table = facts.table
    repeats = facts.twins.repeats
    for row in np.flatnonzero(repeats >= 0).tolist():
        earlier = name_place(table, int(repeats[row]))
        message = f"this {name_class(table, row)} repeats {earlier}, and counts once"
        yield at_row(facts, CODE, row, message)
