"""Rows of label files, and files, that cannot be read: training leaves the whole image out."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.facts import DatasetFacts

CODE = "label-rows"
TITLE = "rows that cannot be read"
SEVERITY = "error"
PURPOSES = ("train", "val")
HINT = "correct the row, or run `yolokit data convert` on the set"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each of them."""
    for split in facts.splits.values():
        yield from split.faults_of(CODE)
