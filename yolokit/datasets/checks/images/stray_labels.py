"""Label files without an image, which training passes over."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.label_rows import label_path
from yolokit.datasets.text_rows import begins_with_rows, read_beginning
from yolokit.errors import DataError
from yolokit.images.listing import walk_files

CODE = "stray-labels"
TITLE = "label files without an image"
SEVERITY = "warning"
PURPOSES = ("train",)
HINT = "put their images beside them, under the same names"


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield one finding for all of them, in splits that are folders: a list may well be a part."""
    known = {label_path(image.path) for one in facts.all_splits.values() for image in one.listed}
    strays: set[str] = set()
    try:
        for path in _walk_labels(facts):
            if path not in known and begins_with_rows(read_beginning(path)):
                strays.add(path)
    except DataError as error:
        yield str(error)
        return
    if strays:
        files = counted(
            len(strays), "label file has no image and is", "label files have no image and are"
        )
        yield f"{files} passed over, such as {min(strays)}"


def _walk_labels(facts: DatasetFacts) -> Iterator[str]:
    """Yield the text files where labels of the splits are looked for."""
    sources = [source for split in facts.all_splits for source in facts.sources(split)]
    folders = {Path(label_path(str(one / "any"))).parent for one in sources if one.is_dir()}
    for folder in sorted(folders):
        for name in walk_files(folder):
            if name.endswith(".txt"):
                yield os.path.join(folder, name.replace("/", os.sep))  # noqa: PTH118 - hot path
