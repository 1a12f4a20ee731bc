"""Files that hold both boxes and outlines: training leaves the whole image out."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.facts import DatasetFacts

CODE = "mixed-rows"
TITLE = "label files of both boxes and outlines"
SEVERITY = "error"
PURPOSES = ("train", "val")
HINT = "`yolokit data convert --task detect` makes boxes of all of them"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each of them."""
    for split in facts.splits.values():
        yield from split.faults_of(CODE)
