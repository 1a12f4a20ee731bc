"""Rows of label files that training cannot take, or takes once: ultralytics' own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.datasets.label_rows import RowFault, is_polygon

if TYPE_CHECKING:
    from yolokit.core.types import I64, U64, Bool
    from yolokit.datasets.label_rows import LabelRows, RowLayout


def find_faults(rows: LabelRows, class_count: int, layout: RowLayout) -> list[RowFault]:
    """Return every row of a file for which ultralytics would leave the whole image out, by line.

    Source: ultralytics ``data/utils.py:verify_image_label``: five columns, or polygons alone;
    classes below ``class_count``; fractions of at most 1.01 and at least -0.01.
    """
    table = rows.cxcywh
    if not rows.faults and len(table) and bool((rows.columns == 5).all()):
        in_range = table.min() >= 0 and table.max() <= 1
        if in_range and rows.class_ids.max() < class_count:
            return []  # nearly always: the same answer in a third of the time
    file_of = np.zeros(len(rows.lines), np.int64)
    found = [fault for _, fault in find_faults_of_files(rows, file_of, class_count, layout)]
    return sorted([*rows.faults, *found], key=lambda fault: fault.line)


def find_faults_of_files(
    rows: LabelRows, file_of: I64, class_count: int, layout: RowLayout
) -> list[tuple[int, RowFault]]:
    """Return the same for rows of several files, each with its file: (R,) int64 of each row."""
    table = rows.cxcywh
    found: list[tuple[int, RowFault]] = []

    def add(row: int, code: str, message: str) -> None:
        found.append((int(file_of[row]), RowFault(int(rows.lines[row]), code, message)))

    for row in np.flatnonzero(rows.class_ids >= class_count).tolist():
        message = f"class {rows.class_ids[row]} is not one of 0 to {class_count - 1}"
        add(row, "unknown-class", message)
    low_ok = (table >= -0.01).all(axis=1) & (table[:, 2:] >= 0).all(axis=1)
    for row in np.flatnonzero(~(low_ok & (table <= 1.01).all(axis=1))).tolist():
        box = " ".join(f"{value:g}" for value in table[row])
        add(row, "outside-image", f"box {box} is not within 0 and 1")
    polygons = is_polygon(rows.columns, layout)
    if polygons.any() and not polygons.all():
        mixed = set(np.intersect1d(file_of[polygons], file_of[~polygons]).tolist())
        outlines = np.flatnonzero(polygons)
        _, first = np.unique(file_of[outlines], return_index=True)
        for row in outlines[first].tolist():
            if int(file_of[row]) in mixed:
                add(row, "mixed-rows", "a polygon is among boxes")
    return sorted(found, key=lambda one: (one[0], one[1].line))


def find_repeated(rows: LabelRows) -> Bool:
    """Return (N,) bool: which rows of a file a training removes, since they repeat an earlier one.

    Source: ultralytics ``data/utils.py:verify_image_label``: equal in single precision, outlines
    by all their points.
    """
    return find_repeated_in_files(rows, np.zeros(len(rows.lines), np.int64)) >= 0


def find_repeated_in_files(rows: LabelRows, file_of: I64) -> I64:
    """Return (R,) int64: the row that each one of several files repeats, or -1."""
    count = len(rows.class_ids)
    first: I64 = np.full(count, -1)
    if count < 2:
        return first
    table = np.zeros((count, 6), np.float32)
    table[:, 1], table[:, 2:] = rows.class_ids, rows.cxcywh
    table += 0.0  # minus zero is zero
    keys = table.view(np.uint32).astype(np.uint64)
    keys[:, 0] = file_of
    seen: dict[tuple[bytes, bytes], int] = {}
    for row in hash_rows(keys):
        tail = rows.tails.get(row)
        whole = b"" if tail is None else np.array(tail, np.float32).tobytes()
        key = (keys[row].tobytes(), whole)
        first[row] = seen.get(key, -1)
        seen.setdefault(key, row)
    return first


def hash_rows(keys: U64) -> list[int]:
    """Return which of (N, K) uint64 rows may equal another one, in order; nearly always none.

    Those that are not returned differ from all others.
    """
    hashes = _mix(keys)
    order = np.argsort(hashes, kind="stable")
    same = hashes[order][1:] == hashes[order][:-1]
    suspects = np.unique(np.concatenate([order[1:][same], order[:-1][same]]))
    found: list[int] = suspects.tolist()
    return found


def _mix(keys: U64) -> U64:
    """Return (N,) uint64 hashes of (N, K) uint64 numbers; equal rows have equal ones."""
    hashes: U64 = np.zeros(len(keys), np.uint64)
    with np.errstate(over="ignore"):
        for column in keys.T:
            hashes = (hashes ^ column) * np.uint64(0x9E3779B97F4A7C15)
            hashes ^= hashes >> np.uint64(32)
    return hashes
