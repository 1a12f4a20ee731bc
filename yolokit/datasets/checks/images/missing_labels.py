"""Images without a label file, which training takes as background."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from yolokit.core.findings import Finding
from yolokit.datasets.facts import DatasetFacts

CODE = "missing-labels"
TITLE = "images without a label file"
SEVERITY = "warning"
PURPOSES = ("train", "val")
HINT = "where an image shows nothing, an empty label file says so"


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each such image; where a split has no label file at all, another check says that."""
    for split in facts.splits.values():
        if split.has_no_label_file:
            continue
        for image, file, missing in zip(
            split.listed, split.label_files, split.labels.missing.tolist(), strict=True
        ):
            if missing:
                message = f"there is no {file}: taken as background"
                yield Finding(CODE, message, Path(image.path), image=image.path)
