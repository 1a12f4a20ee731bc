"""The lists of all images beside the tables of boxes, for the background images.

Google publishes ``image_ids_and_rotation.csv`` with a column ``Subset``, and for each subset
``train-images-boxable-with-rotation.csv`` and others; CVAT and Datumaro write
``<subset>-images-with-rotation.csv``.

Source: https://storage.googleapis.com/openimages/web/download.html; Datumaro
``plugins/data_formats/open_images.py``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from yolokit.formats.openimages.csv import iter_table, split_header
from yolokit.formats.toolkit.layout import split_from_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_NAME = re.compile(r"-?images?([-_].*)?$|-?annotations-bbox$", re.IGNORECASE)
_CALLED_SO = re.compile(r".*images?[-_](ids|boxable|with|and).*", re.IGNORECASE)
_BOXABLE = "boxable"


class ListedImage(NamedTuple):
    """A line of a list: the image, the subset that it is of, and whether it is to be turned."""

    image_id: str
    subset: str
    is_turned: bool


def subset_of(stem: str) -> str:
    """Return the subset that a file is of: a split, or what its name begins with."""
    prefix = _NAME.sub("", stem)
    return split_from_name(prefix) or prefix.lower()


def choose_lists(files: Iterable[Path], heads: Iterable[bytes]) -> list[Path]:
    """Return the lists of images; those of images with boxes alone where a subset has one.

    On Google's other images nobody drew boxes, whatever is in them.
    """
    lists = [file for file, head in zip(files, heads, strict=True) if _is_list(file, head)]
    boxable = {subset_of(file.stem) for file in lists if _BOXABLE in file.stem.lower()}
    return [
        file
        for file in lists
        if _BOXABLE in file.stem.lower() or not boxable & {subset_of(file.stem)}
    ]


def _is_list(file: Path, head: bytes) -> bool:
    names = _columns(head)
    if "ImageID" in names:
        return not any("Label" in name or name in ("XMin", "MaskPath") for name in names)
    return len(names) == 1 and _CALLED_SO.fullmatch(file.stem) is not None


def _columns(head: bytes) -> list[str]:
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0][:4096]
    return split_header(line.decode("utf-8", "replace"))[0]


def read_list(path: Path) -> Iterator[ListedImage]:
    """Yield the images of a list; without a head the first column holds them.

    Raises:
        DataError: It cannot be read.
    """
    subset, columns = subset_of(path.stem), {"ImageID": 0}
    for _, row in iter_table(path):
        if "ImageID" in (names := [cell.strip() for cell in row]):
            columns = {name: at for at, name in enumerate(names)}
            continue
        image_id = _cell(row, columns, "ImageID")
        if image_id:
            stated = _cell(row, columns, "Subset")
            turn = _cell(row, columns, "Rotation")
            is_turned = turn not in ("", "nan") and turn.strip("0.") != ""
            yield ListedImage(image_id, subset_of(stated) if stated else subset, is_turned)


def _cell(row: Sequence[str], columns: dict[str, int], name: str) -> str:
    at = columns.get(name, len(row))
    return row[at].strip() if at < len(row) else ""
