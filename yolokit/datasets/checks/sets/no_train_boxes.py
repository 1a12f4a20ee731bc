"""A train split without a box."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import find_no_boxes
from yolokit.datasets.facts import DatasetFacts

CODE = "no-train-boxes"
TITLE = "a train split without boxes"
SEVERITY = "doubt"
PURPOSES = ("train",)
HINT = "look whether these are the right label files"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield the split if it has images and no box."""
    yield from find_no_boxes(facts, "train", CODE, "nothing can be learnt", HINT)
