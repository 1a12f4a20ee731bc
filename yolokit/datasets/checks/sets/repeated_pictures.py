"""One picture in several files of a split, under several names."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import call_split, name_pair
from yolokit.datasets.duplicates import find_other_labels
from yolokit.datasets.facts import DatasetFacts

CODE = "repeated-pictures"
TITLE = "pictures in several files"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "keep one file of each, with the labels that are right"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split with files of the same bytes, and how many of these have other labels."""
    found = facts.duplicates
    for split in found.splits:
        images, _ = found.equal_in(split, split)
        firsts = found.equal.groups[images]
        # The first of a group may lie in another split: count those that follow one in their own.
        _, starts = np.unique(firsts, return_index=True)
        original = dict(zip(firsts[starts].tolist(), images[starts].tolist(), strict=True))
        copies = np.setdiff1d(images, images[starts])
        if not len(copies):
            continue
        pairs = [
            (original[group], copy)
            for copy, group in zip(
                copies.tolist(), found.equal.groups[copies].tolist(), strict=True
            )
        ]
        where = call_split(split)
        are = counted(len(copies), f"image of {where} is", f"images of {where} are")
        copy_of = "a copy of another" if len(copies) == 1 else "copies of others"
        differ = find_other_labels(facts.table, iter(pairs))
        labelled = f", {differ} with other labels" if differ else ""
        yield f"{are} {copy_of} under another name{labelled}{name_pair(facts, *pairs[0])}"
