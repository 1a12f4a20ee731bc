"""labelme: one JSON file an image, beside it; also as X-AnyLabeling and its kin write it.

Coordinates are pixels of the upright image. Shapes with one label and one ``group_id`` are parts
of one object. The image may be in the file too (``imageData``); it is never needed.

Source: labelme ``_label_file.py``, ``utils/shape.py:shapes_to_label``.
"""

from __future__ import annotations

import re
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.labelme.reader import LabelmeReader
from yolokit.formats.labelme.writer import write_labelme
from yolokit.formats.toolkit.object_groups import GROUP
from yolokit.formats.toolkit.plugin import Match
from yolokit.formats.toolkit.source_tree import SourceTree, read_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

TITLE = "labelme"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.OBB)
RECOGNISED_BY = "JSON files with shapes and an imagePath"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType({"group": GROUP})
WRITES: tuple[Task, ...] = READS
IMAGE_FOLDER = "{split}"
WRITTEN = ("{split}/*.json",)
MANY_OUTLINES = True

_SNIFFED_FILES = 10
_SHAPES = re.compile(rb'"shapes"\s*:\s*\[')
_BESIDE = re.compile(rb'"(imagePath|imageData|shape_type|lineColor)"\s*:')
_IMAGE_FIRST = re.compile(rb'"imageData"\s*:\s*"[A-Za-z0-9+/]{1000}')


def sniff(tree: SourceTree) -> Match | None:
    """Recognise JSON files with shapes beside the path of an image."""
    for file in islice(tree.files(".json"), _SNIFFED_FILES):
        if _is_labelme(tree.head(file)):
            return Match(1.0, f"{file.name} has `shapes` and the path or the data of an image")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read one file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no such file, or one is broken, with its line.
    """
    tree = SourceTree(source)
    files = [
        file for file in tree.files(".json") if source.is_file() or _is_labelme(tree.head(file))
    ]
    if not files:
        raise DataError("there is no JSON file of labelme in it", path=source)
    reader = LabelmeReader(source, options, ledger)
    read_each(files, reader.add_file)
    return reader.finish()


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write a JSON file beside each image; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    del remarks  # the format has no place for them
    write_labelme(dataset, folder)


def _is_labelme(head: bytes) -> bool:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    with_shapes = _SHAPES.search(head) is not None and _BESIDE.search(head) is not None
    return with_shapes or _IMAGE_FIRST.search(head) is not None
