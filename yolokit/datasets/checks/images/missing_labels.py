"""Images without a label file, which training takes as background."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted, share
from yolokit.datasets.facts import DatasetFacts

CODE = "missing-labels"
TITLE = "images without a label file"
SEVERITY = "warning"
PURPOSES = ("train", "val")
HINT = "where an image shows nothing, an empty label file says so"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split with such images."""
    for name, split in facts.splits.items():
        missing, images = len(split.missing), len(split.lines)
        if missing:
            where = f" (the first would be {split.missing[0]})" if 2 * missing > images else ""
            have = share(missing, f"{counted(images, 'image')} of {name}", "has", "have")
            yield f"{have} no label file{where}: taken as background"
