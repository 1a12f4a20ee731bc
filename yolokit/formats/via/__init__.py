"""VGG Image Annotator (VIA) 1 and 2: its project, its annotations as JSON, or as CSV.

Coordinates are pixels; the angle of an ellipse is in radians, clockwise as seen. Regions have
attributes with names that people choose: the content shows which of them is the class.

Source: via ``via-2.x.y/scripts/via.js`` (``pack_via_metadata``, ``import_annotations_from_json``,
``import_annotations_from_csv``).
"""

from __future__ import annotations

import re
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.formats.via.files import CSV_HEADER, load_via_file
from yolokit.formats.via.reader import USUAL_ATTRIBUTES, ViaReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

TITLE = "VGG Image Annotator"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT)
RECOGNISED_BY = "JSON with _via_img_metadata, or files with regions, or a CSV of such regions"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "class-attribute": ("auto", *USUAL_ATTRIBUTES),
        "option-name": ("id", "description"),
        "theta": ("radians", "degrees"),
    }
)

_SNIFFED_FILES = 10
_PROJECT = re.compile(rb'"_via_(settings|img_metadata)"\s*:')
_ENTRY = tuple(
    re.compile(pattern)
    for pattern in (
        rb'"filename"\s*:',
        rb'"regions"\s*:',
        rb'"(shape_attributes|file_attributes)"\s*:',
    )
)


def sniff(tree: SourceTree) -> Match | None:
    """Recognise files whose entries have regions with shape attributes."""
    for file in islice(tree.files(".json", ".csv"), _SNIFFED_FILES):
        if _is_via(tree, file):
            return Match(1.0, f"{file.name} lists files with regions as VIA does")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read one file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no such file, one is broken, or it is not clear which attribute is
            the class.
    """
    tree = SourceTree(source)
    found = tree.files(".json", ".csv")
    files = [source] if source.is_file() else [file for file in found if _is_via(tree, file)]
    if not files:
        raise DataError("there is no file of VGG Image Annotator in it", path=source)
    layout = SourceLayout(source, options.images)
    reader = ViaReader(options, ledger)
    for file, content in zip(files, read_each(files, load_via_file), strict=True):
        split, about = layout.describe_set_file(file, "index")
        reader.add_file(content, about, split)
    return reader.finish(source)


def _is_via(tree: SourceTree, file: Path) -> bool:
    head = tree.head(file).lstrip(b"\xef\xbb\xbf \t\r\n")
    if file.name.lower().endswith(".csv"):
        return head.lstrip(b"#").startswith(CSV_HEADER)
    if head[:1] not in (b"{", b"["):
        return False
    return bool(_PROJECT.search(head)) or all(pattern.search(head) for pattern in _ENTRY)
