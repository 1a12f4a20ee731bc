"""Label files without an image, which training passes over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from yolokit.core.findings import Finding
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.label_rows import label_path
from yolokit.datasets.text_rows import begins_with_rows, read_beginning
from yolokit.errors import DataError
from yolokit.images.listing import walk_files

CODE = "stray-labels"
TITLE = "label files without an image"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "put their images where training looks for them, under the same names"


def find(facts: DatasetFacts) -> Iterator[Finding | str]:
    """Yield each of them, in splits that are folders: a list may well be a part."""
    known = {file for split in facts.all_splits.values() for file in split.label_files}
    try:
        for path in sorted(set(_walk_labels(facts)) - known):
            if begins_with_rows(read_beginning(path)):
                yield Finding(CODE, "no image has these labels: passed over", Path(path))
    except DataError as error:
        yield str(error)


def _walk_labels(facts: DatasetFacts) -> Iterator[str]:
    """Yield the text files where labels of the splits are looked for."""
    sources = [source for split in facts.all_splits for source in facts.sources(split)]
    folders = {Path(label_path(str(one / "any"))).parent for one in sources if one.is_dir()}
    for folder in sorted(folders):
        for name in walk_files(folder):
            if name.endswith(".txt"):
                yield os.path.join(folder, name.replace("/", os.sep))  # noqa: PTH118 - hot path
