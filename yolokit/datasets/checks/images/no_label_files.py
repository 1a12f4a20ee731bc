"""Splits for which not one label file is found."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts

CODE = "no-label-files"
TITLE = "splits without any label file"
SEVERITY = "error"
PURPOSES = ("train", "val")
HINT = "put label files where training looks for them"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield the split that is learnt from, or measured on, if none of its images has labels."""
    for name, split in facts.splits.items():
        if split.has_no_label_file and (name == "train" or facts.purpose == "val"):
            images = counted(len(split.lines), "image")
            message = (
                f"not one label file was found for the {images} of {name}; the first looked for is "
                f"{split.missing[0]}"
            )
            yield Finding(CODE, message, facts.path, split.hint_at_labels())
