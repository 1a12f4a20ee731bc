"""Label files by the hundred thousand, as columns.

Files of plain rows, which nearly all are, are read together, a block of files at once; any other
is read by :mod:`yolokit.datasets.label_rows` alone, with the same result.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.types import F32, F64, I64, Bool
from yolokit.datasets.label_rows import (
    LabelRows,
    RowFault,
    is_polygon,
    parse_labels,
    read_label_bytes,
)
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.datasets.label_rows import RowLayout

_BLOCK = 4096
_NUMBER = rb"-?[0-9]{1,9}(?:\.[0-9]{0,20})?(?:e-?[0-9]{1,3})?"
_PLAIN = re.compile(rb"(?:[0-9]{1,9}(?: %b){4,}\r?(?:\n|\Z))+" % _NUMBER)
_HUGE = 1e9
_NONE = np.zeros(0, np.int64)
_NO_ROWS = LabelRows(_NONE, np.zeros((0, 4)), _NONE, _NONE)
_SPACE, _NEWLINE = ord(" "), ord("\n")


class ManyLabels(msgspec.Struct, frozen=True, eq=False):
    """The rows of F label files, one after the other.

    Attributes:
        rows: All that could be read; their tails are float32.
        file_of: (R,) int64, the file of each, ascending.
        faults: File and fault of each row that could not be read.
        errors: File to why it cannot be read at all.
        missing: (F,) bool, which files are not there.
        digests: The sha256 of each file as hexadecimal digits; empty where it was not read.
    """

    rows: LabelRows
    file_of: I64
    faults: tuple[tuple[int, RowFault], ...]
    errors: Mapping[int, DataError]
    missing: Bool
    digests: list[bytes]

    def count_rows(self) -> I64:
        """(F,) int64: how many rows each file has."""
        found: I64 = np.bincount(self.file_of, minlength=len(self.missing))
        return found


def read_many_labels(paths: Sequence[str], layout: RowLayout) -> ManyLabels:
    """Read label files; what is wrong with one of them is kept beside the rows of the others."""
    reader = _Reader(layout, len(paths))
    for start in range(0, len(paths), _BLOCK):
        reader.read_block(start, paths[start : start + _BLOCK])
    return reader.finish()


class _Reader:
    """Collects rows in whatever order they are read."""

    def __init__(self, layout: RowLayout, count: int) -> None:
        self._layout = layout
        self._parts: list[tuple[I64, LabelRows]] = []
        self._faults: list[tuple[int, RowFault]] = []
        self._errors: dict[int, DataError] = {}
        self._missing = np.zeros(count, np.bool_)
        self._digests = [b""] * count

    def read_block(self, start: int, paths: Sequence[str]) -> None:
        """Read some files, of which the first has the number ``start``."""
        plain: dict[int, bytes] = {}
        for file, path in enumerate(paths, start):
            try:
                content = read_label_bytes(path)
            except DataError as error:
                self._errors[file] = error
                continue
            if content is None:
                self._missing[file] = True
                continue
            if isinstance(content, RowFault):
                self._faults.append((file, content))
                content = b""
            self._digests[file] = hashlib.sha256(content).hexdigest().encode()
            if _PLAIN.fullmatch(content) is not None:
                plain[file] = content
            elif content:
                self._read_alone(file, content, path)
        if plain:
            self._read_plain(plain, start, paths)

    def _read_alone(self, file: int, content: bytes, path: str) -> None:
        try:
            rows = parse_labels(content, path, self._layout)
        except DataError as error:
            self._errors[file] = error
            return
        self._faults += [(file, fault) for fault in rows.faults]
        tails = {row: np.array(tail, np.float32) for row, tail in rows.tails.items()}
        rows = msgspec.structs.replace(rows, tails=tails, content=b"", faults=())
        self._parts.append((np.full(len(rows.lines), file), rows))

    def _read_plain(self, contents: dict[int, bytes], start: int, paths: Sequence[str]) -> None:
        """Read files that hold numbers alone, all at once; those with a row amiss one by one."""
        rows, file_of, odd_files = _parse_plain(contents, self._layout)
        for file in odd_files:
            self._read_alone(file, contents.pop(file), paths[file - start])
        if odd_files and contents:
            rows, file_of, _ = _parse_plain(contents, self._layout)
        if contents:
            self._parts.append((file_of, rows))

    def finish(self) -> ManyLabels:
        """Return all that was read, in the order of the files."""
        parts = [rows for _, rows in self._parts]
        file_of = np.concatenate([_NONE, *(files for files, _ in self._parts)])
        order = np.argsort(file_of, kind="stable")
        new_row = np.empty_like(order)
        new_row[order] = np.arange(len(order))
        rows = LabelRows(
            np.concatenate([_NONE, *(one.class_ids for one in parts)])[order],
            np.concatenate([np.zeros((0, 4)), *(one.cxcywh for one in parts)])[order],
            np.concatenate([_NONE, *(one.lines for one in parts)])[order],
            np.concatenate([_NONE, *(one.columns for one in parts)])[order],
            dict(_number_tails(parts, new_row.tolist())),
        )
        faults = tuple(sorted(self._faults, key=lambda one: (one[0], one[1].line)))
        errors = dict(sorted(self._errors.items()))
        return ManyLabels(rows, file_of[order], faults, errors, self._missing, self._digests)


def _number_tails(parts: list[LabelRows], new_row: list[int]) -> Iterator[tuple[int, F32]]:
    start = 0
    for rows in parts:
        for row, tail in rows.tails.items():
            yield new_row[start + row], np.asarray(tail, np.float32)
        start += len(rows.lines)


def _parse_plain(
    contents: Mapping[int, bytes], layout: RowLayout
) -> tuple[LabelRows, I64, list[int]]:
    """Return the rows of files that hold numbers alone, the file of each, and the odd files.

    An odd file has a row of a number of columns that no label has, or a huge number.
    """
    files = np.array(list(contents), np.int64)
    whole = b"\n".join(content.removesuffix(b"\n") for content in contents.values())
    values = np.array(whole.split(), np.float64)
    letters = np.frombuffer(whole, np.uint8)
    ends = np.append(np.flatnonzero(letters == _NEWLINE), len(letters))
    spaces = np.searchsorted(np.flatnonzero(letters == _SPACE), ends)
    columns = np.diff(spaces, prepend=0) + 1
    per_file = np.array(
        [content.removesuffix(b"\n").count(b"\n") + 1 for content in contents.values()]
    )
    file_of = np.repeat(files, per_file)
    first = np.cumsum(columns) - columns
    lines = np.arange(len(columns)) - np.repeat(np.cumsum(per_file) - per_file, per_file) + 1
    polygons = is_polygon(columns, layout)
    poses = (columns == 5 + layout.keypoint_columns) if layout.keypoint_columns else columns < 0
    is_row = (columns == 5) | poses | (polygons & (columns % 2 == 1))
    is_row &= np.maximum.reduceat(np.abs(values), first) < _HUGE
    if not is_row.all():
        return _NO_ROWS, file_of[:0], np.unique(file_of[~is_row]).tolist()
    cxcywh = values[first[:, None] + np.arange(1, 5)]
    tails: dict[int, F32] = {}
    if polygons.any():
        cxcywh[polygons] = _enclosing_boxes(values, first[polygons] + 1, columns[polygons] - 1)
    if (columns > 5).any():
        tails = _cut_tails(values, first, columns, polygons)
    return LabelRows(values[first].astype(np.int64), cxcywh, lines, columns, tails), file_of, []


def _enclosing_boxes(values: F64, first: I64, counts: I64) -> F64:
    """Return the (N, 4) cxcywh of the boxes around outlines, x and y by turns in some values."""
    starts = (np.cumsum(counts) - counts) // 2
    at = np.repeat(first - 2 * starts, counts) + np.arange(counts.sum())
    points = values[at].reshape(-1, 2)
    low = np.minimum.reduceat(points, starts, axis=0)
    high = np.maximum.reduceat(points, starts, axis=0)
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def _cut_tails(values: F64, first: I64, columns: I64, polygons: Bool) -> dict[int, F32]:
    """Return row to what a longer one holds after its class, or after its box."""
    single = values.astype(np.float32)
    starts = (first + np.where(polygons, 1, 5)).tolist()
    ends = (first + columns).tolist()
    longer = np.flatnonzero(columns > 5).tolist()
    return {row: single[starts[row] : ends[row]] for row in longer}
