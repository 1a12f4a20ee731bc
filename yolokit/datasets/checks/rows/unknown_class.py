"""Rows of a class that has no name: training leaves the whole image out."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import of_entry
from yolokit.datasets.facts import DatasetFacts

CODE = "unknown-class"
TITLE = "labels of a class without a name"
SEVERITY = "error"
PURPOSES = ("train", "val", "source")
HINT = "correct the number, or name the class in the data.yaml; some tools count classes from 1"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each of them."""
    for split in facts.splits.values():
        yield from split.faults_of(CODE)
    for entry in facts.account.entries:
        if entry.code == CODE:
            yield of_entry(entry)
