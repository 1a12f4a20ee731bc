"""Recognises formats that are not read, so that messages can name them.

The table is looked at only when no format was recognised. A row fits a source if the name of one of
its files does, and the first 64 KiB of that file hold all marks of the row.
"""

from __future__ import annotations

import mmap
import re
from itertools import islice
from typing import TYPE_CHECKING

from yolokit.formats.toolkit.source_tree import HEAD_BYTES
from yolokit.formats.toolkit.unsupported_formats import CLASSES_BY_FOLDER, TABLE, Unsupported
from yolokit.images.listing import is_image_name

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.formats.toolkit.source_tree import SourceTree

_OPENED_FILES = 200
_LISTED_FILES = 20_000
_SEARCHED_BYTES = 1 << 28


def find_unsupported(tree: SourceTree) -> tuple[Unsupported, str] | None:
    """Return what a source is that no format fits, and the file that says so; None if unknown."""
    files = list(islice(zip(tree.names, tree.files(), strict=True), _LISTED_FILES))
    texts = islice((file for file in files if not is_image_name(file[0])), _OPENED_FILES)
    opened = dict(texts)
    for row in TABLE:
        wanted, marks = re.compile(row.files, re.IGNORECASE), [re.compile(m) for m in row.marks]
        for name in opened if marks else (name for name, _ in files):
            if wanted.search(name) is None:
                continue
            if not marks or _holds(tree, opened[name], marks, anywhere=row.anywhere):
                return row, name
    if not opened and len({name.rpartition("/")[0] for name, _ in files}) > 1:
        return CLASSES_BY_FOLDER, files[0][0]
    return None


def _holds(tree: SourceTree, file: Path, marks: list[re.Pattern[bytes]], *, anywhere: bool) -> bool:
    """Tell whether a file has all marks."""
    head = tree.head(file)
    if not anywhere or len(head) < HEAD_BYTES:
        return all(mark.search(head) is not None for mark in marks)
    try:
        with (
            file.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return all(mark.search(content, 0, _SEARCHED_BYTES) is not None for mark in marks)
    except (OSError, ValueError):  # it went away, or is empty by now
        return False
