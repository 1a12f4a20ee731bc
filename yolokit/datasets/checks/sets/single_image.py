"""A train split of one image."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.datasets.facts import DatasetFacts

CODE = "single-image"
TITLE = "a train split of one image"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "training on it learns that image by heart"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield a finding if there is only one image to learn from."""
    if "train" in facts.splits and len(facts.splits["train"].used) == 1:
        yield "train has only one image"
