"""DOTA: oriented boxes by their four corners, one text file an image.

A row is ``x1 y1 x2 y2 x3 y3 x4 y4 category difficult``, after up to two header lines,
``imagesource:`` and ``gsd:``. The corners go around the box either way and from any corner on;
their order is kept, since some sets start at an object's front. Four
points that are not a box, as many of the published set are not, are an outline.

Who writes it: the DOTA data sets, converters of roLabelImg, the splitter of mmrotate
(``annfiles``), and Roboflow as "YOLOv5 Oriented Bounding Boxes".

Source: the DOTA development kit, ``dota_utils.py:parse_dota_poly``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from yolokit.core.plural import counted, share
from yolokit.core.task import Task
from yolokit.core.types import F64
from yolokit.datasets.label_rows import shorten
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.formats.toolkit.text_labels import (
    LabelFile,
    LabelFolders,
    check_class_names,
    first_lines,
    is_like_class_name,
    read_rows,
    write_label_files,
    write_number,
)
from yolokit.formats.toolkit.units import UNITS, PixelScales, UnitsWitness
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, LabelledImage
from yolokit.labels.shapes import Shape

TITLE = "DOTA"
READS: tuple[Task, ...] = (Task.OBB, Task.DETECT)
ROWS = True
RECOGNISED_BY = "text files with rows of eight corner coordinates, a category and a difficulty"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"units": UNITS, "difficult": ("keep", "exclude")}
)
WRITES: tuple[Task, ...] = (Task.OBB,)
IMAGE_FOLDER = "{split}/images"
WRITTEN = ("{split}/labelTxt/*.txt",)
MANY_OUTLINES = False

_LABEL_FOLDERS = re.compile(r"labeltxt.*|labels|annfiles", re.IGNORECASE)
_HEADERS = ("imagesource:", "gsd:")
_DIFFICULTIES = ("0", "1", "2")
_BOX_PX = 1.0  # corners are often rounded to whole pixels
_CROSSWISE = "corners-sorted: its corners were stated crosswise"


class _Row(NamedTuple):
    """One row: corners (4, 2) in the file's units, category, difficulty or None, and line."""

    corners: F64
    category: str
    difficulty: str | None
    line: int


def sniff(tree: SourceTree) -> Match | None:
    """Recognise a text file whose first row is eight coordinates and a category in words."""
    for file, lines in first_lines(tree):
        if len(lines) > 1 and all(map(str.startswith, lines[:2], _HEADERS)):
            return Match(1.0, f"{file.name} begins with the lines imagesource: and gsd:")
        rows = [line for line in lines if not line.lower().startswith(_HEADERS)]
        if rows and _is_sure(rows[0]):
            return Match(1.0, f"{file.name} has rows of eight coordinates and a category")
    return None


def _is_sure(line: str) -> bool:
    """Tell whether a line is a row of this format and of no other."""
    try:
        return is_like_class_name(_read_row(line, 1).category)
    except ValueError:
        return False


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a DOTA set; see :class:`yolokit.formats.toolkit.plugin.Format`.

    All files are needed to find out the units, so all are read here.

    Raises:
        DataError: There are no label files, or one is not text.
    """
    reader = _Reader(options, ledger)
    folders = LabelFolders(source, options.images, _LABEL_FOLDERS)
    parsed = folders.read_each(reader.read_file, ledger)
    return build_dataset(reader.to_images(parsed), evidence=reader.evidence())


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write ``<split>/labelTxt/*.txt``; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    del remarks  # the format has no place for them
    check_class_names(dataset.names, TITLE)
    write_label_files(dataset, folder, "labelTxt", _format_rows)


def _format_rows(labelled: LabelledImage, names: Sequence[str]) -> Iterator[str]:
    annotations = labelled.annotations
    for row, category in enumerate(annotations.category_indices.tolist()):
        corners = annotations.shapes[row].rings[0].ravel().tolist()
        yield " ".join([*map(write_number, corners), names[category], "0\n"])


class _Reader:
    """Reads rows, watches their units, then brings them into pixels."""

    def __init__(self, options: ReadOptions, ledger: Ledger) -> None:
        self._options = options
        self._ledger = ledger
        self._units = UnitsWitness(options.assume.get("units"))
        self._rows = self._without_difficulty = self._difficult = 0

    def read_file(self, file: LabelFile) -> tuple[LabelFile, list[_Row]] | None:
        """Return a file and its rows that can be read; None if it holds no labels at all."""
        rows = read_rows(file, _read_row, self._ledger, _HEADERS)
        return None if rows is None else (file, [row for row in rows if self._takes(row, file)])

    def _takes(self, row: _Row, file: LabelFile) -> bool:
        self._units.observe(row.corners.ravel().tolist())
        self._rows += 1
        self._without_difficulty += row.difficulty is None
        is_difficult = row.difficulty not in (None, "0")
        self._difficult += is_difficult
        if is_difficult and self._options.assume.get("difficult") == "exclude":
            message = f"the {row.category} is marked as difficult ({row.difficulty})"
            self._ledger.record(file.source, row.line, "excluded", "difficult", message)
            return False
        return True

    def evidence(self) -> tuple[str, ...]:
        if not self._rows:
            return ()
        rows = counted(self._rows, "row")
        column = (
            f"{share(self._rows - self._without_difficulty, rows, 'ends', 'end')} with a "
            f"difficulty, {self._difficult} of them above 0 (--assume difficult=keep|exclude)"
        )
        return (*self._units.evidence(), column)

    def to_images(self, parsed: list[tuple[LabelFile, list[_Row]]]) -> Iterator[ImageRows]:
        """Yield the images with their boxes in px."""
        scales = PixelScales(self._units, self._options, self._ledger, parsed[0][0].path, "corners")
        for file, rows in parsed:
            image = ImageRecord(file.image_name, None, None, file.split, None, file.source)
            scaled = scales.of(image, [row.line for row in rows])
            if scaled is None:
                continue
            found = ImageRows(scaled.image)
            for row in rows:
                shape, remark = _to_shape(row.corners * scaled.factors)
                found.add(row.category, row.line, shape=shape, remark=remark)
            yield found


def _read_row(line: str, at: int) -> _Row:
    """Read one row.

    Raises:
        ValueError: It is none, with the reason.
    """
    words = line.split(None, 8)
    try:
        values = [float(word) for word in words[:8]]
    except ValueError:
        values = []
    if len(words) < 9 or len(values) != 8:
        raise ValueError(f"{shorten(line)} is not eight coordinates and a category")
    if not all(-1e9 < value < 1e9 for value in values):  # NaN compares false
        raise ValueError(f"{shorten(line)} has a value that is not finite")
    category, difficulty = words[8], None
    head, *tail = words[8].rsplit(None, 1)
    if tail and tail[0] in _DIFFICULTIES:
        category, difficulty = head, tail[0]
    return _Row(np.array(values, np.float64).reshape(4, 2), category, difficulty, at)


def _to_shape(corners: F64) -> tuple[Shape, str | None]:
    """Return what four corners in px are: a rotated box, else an outline; and a remark or None."""
    remark = None
    points = corners.tolist()  # plain numbers: arrays of two take ten times as long
    if _cross(points) or _cross([*points[1:], points[0]]):
        around = corners - corners.mean(axis=0)
        corners = corners[np.argsort(np.arctan2(around[:, 1], around[:, 0]))]
        points = corners.tolist()
        remark = _CROSSWISE
    return Shape((corners,), "rotated" if _is_box(points) else "polygon"), remark


def _is_box(corners: list[list[float]]) -> bool:
    """Tell whether the diagonals halve each other and are of one length, up to rounding."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = corners
    off = math.hypot(ax + cx - bx - dx, ay + cy - by - dy)
    lengths = math.hypot(ax - cx, ay - cy), math.hypot(bx - dx, by - dy)
    return off <= 2 * _BOX_PX and abs(lengths[0] - lengths[1]) <= 2 * _BOX_PX


def _cross(corners: list[list[float]]) -> bool:
    """Tell whether the side between the first two corners crosses the one opposite."""
    a, b, c, d = corners
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


def _side(a: list[float], b: list[float], point: list[float]) -> float:
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])
