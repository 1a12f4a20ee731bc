"""Classes without a box in a split."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.datasets.counts import describe_empty_classes
from yolokit.datasets.facts import DatasetFacts

CODE = "empty-classes"
TITLE = "classes without a box"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "label them, or leave them out with `yolokit data convert --drop`"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split with such classes, if it has boxes at all."""
    for name, split in facts.splits.items():
        if split.counts.boxes:
            boxes = split.counts.boxes_by_class
            yield from describe_empty_classes(facts.names, boxes, f" in {name}")
