"""Boxes without an area."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts

CODE = "empty-boxes"
TITLE = "boxes without an area"
SEVERITY = "warning"
PURPOSES = ("train", "val")
HINT = "correct their width and height, or take the rows out"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split with such boxes."""
    for name, split in facts.splits.items():
        if split.flat_boxes:
            have = counted(split.flat_boxes, f"box of {name} has", f"boxes of {name} have")
            yield f"{have} no area"
