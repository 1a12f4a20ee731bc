"""Splits without an image that can be used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts

CODE = "no-images"
TITLE = "splits without images"
SEVERITY = "error"
PURPOSES = ("train",)
HINT = "correct the path of the split in the data.yaml"


def find(facts: DatasetFacts) -> Iterator[Finding | str]:
    """Yield each split of which nothing is left."""
    for name, split in facts.splits.items():
        if not split.lines:
            where = ", ".join(str(source) for source in facts.sources(name))
            yield Finding(CODE, f"the {name} split has no images", Path(where))
        elif not split.used and facts.leaves_out:
            images = counted(len(split.lines), "image")
            message = f"not one of the {images} of {name} can be used"
            yield f"{message}, such as {split.unusable[0]}"
