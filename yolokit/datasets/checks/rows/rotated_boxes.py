"""Sets of rotated boxes, which a detector of upright boxes would not learn."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.facts import DatasetFacts

CODE = "rotated-boxes"
TITLE = "rotated boxes"
SEVERITY = "doubt"
PURPOSES = ("train",)
HINT = "`yolokit data convert --task detect` turns them into boxes, each accounted for"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each split whose labels are rotated boxes."""
    for split in facts.splits.values():
        if split.has_rotated_boxes:
            yield Finding(CODE, split.describe_outlines(), facts.path)
