"""Splits that training needs."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.datasets.facts import DatasetFacts

CODE = "missing-split"
TITLE = "splits that are not there"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "`yolokit data convert` splits a data set that has none"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split that is not there."""
    for name in ("train", "val"):
        if name not in facts.splits:
            yield f"there is no `{name}` split, which training needs"
