"""KITTI: rows of 15 columns, one text file an image, in ``label_2`` beside ``image_2``.

A row is ``type truncated occluded alpha x1 y1 x2 y2 height width length x y z rotation_y``; a
detector's result has its score after that. Corners are pixels counted from 0. A type may hold
spaces, so columns are counted from the right. What is not known is filled with -1, -10 and -1000.
``DontCare`` marks regions whose objects nobody labelled: no annotations, by the benchmark's rule.

Written are boxes alone: all other columns hold the fillers that ``DontCare`` rows have.
``ImageSets/train.txt`` and ``val.txt`` are read as PointPillars, OpenPCDet and mmdetection3d have
them. Who writes it besides: CVAT, NVIDIA TAO (``images``, ``labels``) and FiftyOne (``data``).

Source: the readme of the object development kit, KITTI Vision Benchmark Suite.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from yolokit.core.plural import counted, share
from yolokit.core.task import Task
from yolokit.datasets.label_rows import shorten
from yolokit.errors import DataError
from yolokit.formats.toolkit.layout import SplitLists
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
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, LabelledImage

TITLE = "KITTI"
READS: tuple[Task, ...] = (Task.DETECT,)
ROWS = True
RECOGNISED_BY = "text files with rows of a type and 14 numbers, or 15 with a score"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType({})
WRITES: tuple[Task, ...] = READS
IMAGE_FOLDER = "{split}/image_2"
WRITTEN = ("{split}/label_2/*.txt",)
MANY_OUTLINES = False

_LABEL_FOLDERS = re.compile(r"label_[23]|labels?", re.IGNORECASE)
_IMAGE_FOLDERS = ("image_2", "image_3", "images", "image")
_IGNORED = "dontcare"
_MAX_TURN = 3.2  # radians: pi, rounded
_BEFORE, _BEHIND = "-1 -1 -10", "-1 -1 -1 -1000 -1000 -1000 -10\n"


class _Row(NamedTuple):
    """One row: type, box, whether a score follows it, and line."""

    name: str
    xyxy: list[float]
    has_score: bool
    line: int


def sniff(tree: SourceTree) -> Match | None:
    """Recognise a text file whose first row is a type and 14 or 15 numbers."""
    for file, lines in first_lines(tree):
        if lines and _is_sure(lines[0]):
            return Match(1.0, f"{file.name} has rows of a type and 14 numbers or 15")
    return None


def _is_sure(line: str) -> bool:
    """Tell whether a line is a row of this format and of no other."""
    try:
        return is_like_class_name(_read_row(line, 1).name)
    except ValueError:
        return False


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a KITTI set; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There are no label files, or one is not text.
    """
    reader = _Reader(ledger)
    folders = LabelFolders(source, options.images, _LABEL_FOLDERS, _IMAGE_FOLDERS)
    images = folders.read_each(reader.read_file, ledger)
    return build_dataset(images, evidence=reader.evidence())


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write ``<split>/label_2/*.txt``; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    del remarks  # the format has no place for them
    check_class_names(dataset.names, TITLE)
    for name in dataset.names:
        if name.lower() == _IGNORED:
            raise DataError(f"KITTI cannot hold the class name {name!r}: it means no object")
    write_label_files(dataset, folder, "label_2", _format_rows)


def _format_rows(labelled: LabelledImage, names: Sequence[str]) -> list[str]:
    annotations = labelled.annotations
    boxes = zip(annotations.category_indices.tolist(), annotations.xyxy.tolist(), strict=True)
    return [
        " ".join([names[category], _BEFORE, *map(write_number, box), _BEHIND])
        for category, box in boxes
    ]


class _Reader:
    """Reads label files, and the splits that are listed for them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lists: dict[Path, SplitLists] = {}
        self._rows = self._with_score = 0

    def read_file(self, file: LabelFile) -> ImageRows | None:
        """Return what a file holds; None if those are not labels at all."""
        rows = read_rows(file, _read_row, self._ledger)
        if rows is None:
            return None
        split = self._split_of(file)
        found = ImageRows(ImageRecord(file.image_name, None, None, split, None, file.source))
        for row in rows:
            self._take(row, found)
        return found

    def _take(self, row: _Row, image: ImageRows) -> None:
        self._rows += 1
        self._with_score += row.has_score
        source = image.image.source
        if row.name.lower() == _IGNORED:
            message = "a DontCare region: what is in it was not labelled"
            self._ledger.record(source, row.line, "excluded", "dont-care", message)
        elif row.xyxy == [-1.0] * 4:
            message = f"the {row.name} has no box: its corners hold the filler -1"
            self._ledger.record(source, row.line, "excluded", "no-box", message)
        else:
            image.add(row.name, row.line, row.xyxy)

    def _split_of(self, file: LabelFile) -> str | None:
        """Return the split by the lists of the set; without any, by its folders.

        Images of ``testing`` have the same ids as those of ``training``.
        """
        stem = file.image_name.rpartition(".")[0] or file.image_name
        for folder in file.path.parents[1:4]:
            if folder not in self._lists:
                self._lists[folder] = SplitLists(folder, "ImageSets")
            if self._lists[folder].lists:
                found = self._lists[folder].splits_of(stem)
                if any(parent.name == "training" for parent in file.path.parents[:4]):
                    found = [split for split in found if split != "test"]
                return found[0] if found else None
        return file.split

    def evidence(self) -> tuple[str, ...]:
        if not self._with_score:
            return ()
        ends = share(self._with_score, counted(self._rows, "row"), "ends", "end")
        return (f"{ends} with a score, which is left aside",)


def _read_row(line: str, at: int) -> _Row:
    """Read one row, its columns counted from the right.

    Raises:
        ValueError: It is none, with the reason.
    """
    for columns in (15, 14):  # with a score, and without
        words = line.rsplit(None, columns)
        try:
            values = [float(word) for word in words[1:]]
        except ValueError:
            continue
        if len(values) == columns and (columns == 14 or _is_scored(values)):
            if not all(abs(value) < 1e9 for value in values):
                raise ValueError(f"{shorten(line)} has a value that is not finite")
            return _Row(words[0].strip(), values[3:7], columns == 15, at)
    raise ValueError(f"{shorten(line)} is not a type and 14 numbers or 15")


def _is_scored(values: list[float]) -> bool:
    """Tell whether 15 numbers fit their columns; else the first ends the type, as in ``Car 2``."""
    turn = values[13]
    return values[1] in (-1, 0, 1, 2, 3) and (abs(turn) <= _MAX_TURN or turn == -10)
