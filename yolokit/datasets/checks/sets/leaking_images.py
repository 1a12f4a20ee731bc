"""Pictures that a model learns from and is measured on: the same file, or a copy of it."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.core.plural import counted, share
from yolokit.datasets.checks.toolkit import name_pair
from yolokit.datasets.facts import DatasetFacts

CODE = "leaking-images"
TITLE = "pictures of train in another split"
SEVERITY = "doubt"
PURPOSES = ("train", "source")
HINT = (
    "`yolokit data convert SOURCE --out DIR --split 0.8,0.1,0.1 --group near-duplicate` makes new "
    "splits, each picture in one"
)


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each split that shares pictures with train: one is enough to make a figure untrue."""
    found = facts.duplicates
    if "train" not in found.splits:
        return
    for split in found.splits:
        if split in ("", "train"):
            continue
        images, others = found.equal_in(split, "train")
        if len(images):
            all_of = counted(facts.statistics.splits[split].images, "image")
            are = share(len(images), f"{all_of} of {split}", "is", "are")
            pair = name_pair(facts, int(images[0]), int(others[0]))
            message = f"{are} in train as well{pair}: the figures of {split} will look too good"
            yield Finding(CODE, message, facts.path)
