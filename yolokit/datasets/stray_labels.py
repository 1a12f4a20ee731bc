"""Label files of a YOLO set without an image, which training passes over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.datasets.label_rows import label_path
from yolokit.datasets.text_rows import begins_with_rows, read_beginning
from yolokit.errors import DataError
from yolokit.images.listing import walk_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.datasets.splits import SplitImage


def describe_strays(data: DataYaml, listed: Mapping[str, Sequence[SplitImage]]) -> list[str]:
    """Return a sentence about label files without an image, if there are any.

    Args:
        data: The data set; splits that are folders are looked at, as a list may well be a part.
        listed: The images of its splits.
    """
    known = {label_path(image.path) for images in listed.values() for image in images}
    strays: set[str] = set()
    try:
        for path in _walk_labels(data, listed):
            if path not in known and begins_with_rows(read_beginning(path)):
                strays.add(path)
    except DataError as error:
        return [str(error)]
    if not strays:
        return []
    files = counted(
        len(strays), "label file has no image and is", "label files have no image and are"
    )
    return [f"{files} passed over, such as {min(strays)}"]


def _walk_labels(data: DataYaml, listed: Mapping[str, object]) -> Iterator[str]:
    """Yield the text files where labels of the splits are looked for."""
    sources = [source for split in listed for source in data.splits.get(split, ())]
    folders = {Path(label_path(str(one / "any"))).parent for one in sources if one.is_dir()}
    for folder in sorted(folders):
        for name in walk_files(folder):
            if name.endswith(".txt"):
                yield os.path.join(folder, name.replace("/", os.sep))  # noqa: PTH118 - hot path
