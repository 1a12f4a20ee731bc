"""Rows that repeat another one of their file."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts

CODE = "repeated-labels"
TITLE = "labels that repeat another one"
SEVERITY = "warning"
PURPOSES = ("train", "val")
HINT = "take the second row out"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split with such rows."""
    for name, split in facts.splits.items():
        if split.repeated_rows:
            rows = counted(split.repeated_rows, f"row of {name} repeats", f"rows of {name} repeat")
            yield f"{rows} another of the same file: counted once"
