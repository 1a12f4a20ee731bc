"""Datumaro JSON: ``annotations/<subset>.json`` beside ``images/<subset>``.

Datumaro and CVAT ("Datumaro 1.0") write it. A label is a position in ``categories.label.labels``;
``bbox`` is ``[x, y, width, height]`` in px, a mask has the run lengths of COCO, an image's size is
``[height, width]``. ``group`` holds together what belongs to one object: what has the same group
(other than 0) and the same label becomes one annotation, unless it has two boxes. CVAT's
``rotation`` turns a box clockwise about its centre, in degrees. Points are keypoints where
``categories.points`` describes those of their label; where they have no box in their group, the
box around those that are labelled is taken. CVAT's skeleton has x, y, visibility of its points in
the order of that description.

Source: of open-edge-platform/datumaro
``src/datumaro/plugins/data_formats/datumaro/{base,exporter}.py``.
"""

from __future__ import annotations

import re
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.datumaro.reader import DatumaroReader
from yolokit.formats.toolkit.object_groups import GROUP
from yolokit.formats.toolkit.plugin import Match
from yolokit.formats.toolkit.source_tree import SourceTree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

TITLE = "Datumaro JSON"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
RECOGNISED_BY = "JSON with an object of categories and a list of items"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"group": GROUP, "iscrowd": ("exclude", "keep")}
)

_SNIFFED_FILES = 20
_CATEGORIES = re.compile(rb'"categories"\s*:\s*\{')
_CONTENT = re.compile(rb'"items"\s*:\s*\[|"label"\s*:\s*\{\s*"labels"\s*:\s*\[')


def sniff(tree: SourceTree) -> Match | None:
    """Recognise JSON with ``categories`` as an object and ``items`` as a list."""
    for file in islice(tree.files(".json"), _SNIFFED_FILES):
        if _is_datumaro(tree.head(file)):
            return Match(1.0, f"{file.name} has an object `categories` and a list `items`")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a Datumaro file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no Datumaro file, or one is broken, with the line where there is one.
    """
    tree = SourceTree(source)
    files = [f for f in tree.files(".json") if _is_datumaro(tree.head(f))]
    paths = [source] if tree.is_file else files
    if not paths:
        raise DataError("there is no JSON file with `categories` and `items` in it", path=source)
    return DatumaroReader(source, options, ledger).read(paths)


def _is_datumaro(head: bytes) -> bool:
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not plain.startswith(b"{") or _CATEGORIES.search(plain) is None:
        return False
    return _CONTENT.search(plain) is not None
