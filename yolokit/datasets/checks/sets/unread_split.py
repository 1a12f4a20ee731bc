"""Splits that training does not read, which may be wrong all the same."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts

CODE = "unread-split"
TITLE = "problems in a split that training does not read"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "correct it before a model is measured on it"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split in which something is wrong."""
    for name, split in facts.unused.items():
        problems = split.faults + split.unusable
        if problems:
            count = counted(len(problems), "problem")
            yield f"{name}, which training does not read, has {count}: {problems[0]}"
