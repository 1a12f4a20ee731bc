"""Images that are in a split twice."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts

CODE = "repeated-images"
TITLE = "images that are listed more than once"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "name each image, and each folder, once in the data.yaml and its lists"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split that repeats images; what several splits share is told as a leak."""
    for name, split in facts.all_splits.items():
        again = len(split.listed) - len({image.path for image in split.listed})
        if again:
            are = "is listed again, and counts" if again == 1 else "are listed again, and count"
            yield f"{counted(again, 'image')} of {name} {are} each time"
