"""Supervisely: ``meta.json``, and in each data set ``ann/<image>.json`` beside ``img/<image>``.

Coordinates are pixels of the image. The tool's own exporters take the second corner of a
rectangle as its last pixel, which makes it 1 px larger: ``--assume last-pixel=included`` does so
too. Holes of polygons and bitmaps are filled, which is said.

Source: docs.supervisely.com "Supervisely Annotation Format"; supervisely
``geometry/bitmap.py:base64_2_data``, ``geometry/rectangle.py``, ``geometry/oriented_bbox.py``,
``geometry/multipolygon.py``.
"""

from __future__ import annotations

import re
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.supervisely.reader import SuperviselyReader, read_meta
from yolokit.formats.toolkit.plugin import Match
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.labels.ledger import join_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

TITLE = "Supervisely"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.OBB)
RECOGNISED_BY = "JSON files with size and objects in folders called ann"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType({"last-pixel": ("excluded", "included")})

_SNIFFED_FILES = 20
_META = "meta.json"
_NEEDED = tuple(
    re.compile(pattern)
    for pattern in (
        rb'"objects"\s*:\s*\[',
        rb'"size"\s*:\s*\{\s*"(height|width)"\s*:',
        rb'"(tags|classTitle|description)"\s*:',
    )
)


def sniff(tree: SourceTree) -> Match | None:
    """Recognise files of images with a size and objects."""
    for file in islice(tree.files(".json"), _SNIFFED_FILES):
        if _is_annotation(tree, file):
            return Match(1.0, f"{file.parent.name}/{file.name} has a `size` and `objects`")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a project, a data set of it or one file; see ``formats.toolkit.plugin.Format``.

    Raises:
        DataError: There is no annotation file, or one is broken, with its line.
    """
    tree = SourceTree(source)
    root = source if source.is_dir() else source.parent
    files = [f for f in tree.files(".json") if source.is_file() or _is_annotation(tree, f)]
    if not files:
        raise DataError("there is no annotation file of Supervisely in it", path=source)
    metas = [file for file in tree.files(_META) if file.name == _META and file not in files]
    if not metas:  # a data set or a file of a project is read alone
        above = (folder / _META for folder in (root.parent, root.parent.parent))
        metas = [meta for meta in above if meta.is_file()][:1]
    errors: list[DataError] = []
    classes: dict[str, str] = {}
    for meta in metas:
        try:
            classes = {**read_meta(meta), **classes}
        except DataError as error:
            errors.append(error)
    reader = SuperviselyReader(source, classes, options, ledger)
    for file in files:
        try:
            reader.add_file(file)
        except DataError as error:
            errors.append(error)
    if errors:
        raise join_errors(errors, "broken annotation files")
    return reader.finish()


def _is_annotation(tree: SourceTree, file: Path) -> bool:
    """Tell whether a file describes an image; one whose objects come first may be cut there."""
    head = tree.head(file)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    is_whole = len(head) < 1 << 16
    found = [pattern.search(head) is not None for pattern in _NEEDED]
    return all(found) or (not is_whole and file.parent.name == "ann" and found[0] and found[2])
