"""Rows of a label file that training cannot take, or takes once: ultralytics' own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.datasets.label_rows import RowFault, is_polygon

if TYPE_CHECKING:
    from yolokit.core.types import Bool
    from yolokit.datasets.label_rows import LabelRows, RowLayout


def find_faults(rows: LabelRows, class_count: int, layout: RowLayout) -> list[RowFault]:
    """Return every row for which ultralytics would leave the whole image out, by line.

    Source: ultralytics ``data/utils.py:verify_image_label``: five columns, or polygons alone;
    classes below ``class_count``; fractions of at most 1.01 and at least -0.01.
    """
    table = rows.cxcywh
    if not rows.faults and len(table) and bool((rows.columns == 5).all()):
        in_range = table.min() >= 0 and table.max() <= 1
        if in_range and rows.class_ids.max() < class_count:
            return []  # nearly always: the same answer in a third of the time
    faults = list(rows.faults)
    low_ok = (table >= -0.01).all(axis=1) & (table[:, 2:] >= 0).all(axis=1)
    range_ok = low_ok & (table <= 1.01).all(axis=1)
    class_ok = rows.class_ids < class_count
    faults += [
        RowFault(
            int(rows.lines[at]),
            "unknown-class",
            f"class {rows.class_ids[at]} is not one of 0 to {class_count - 1}",
        )
        for at in np.flatnonzero(~class_ok).tolist()
    ]
    for at in np.flatnonzero(~range_ok).tolist():
        box = " ".join(f"{value:g}" for value in table[at])
        faults.append(
            RowFault(int(rows.lines[at]), "outside-image", f"box {box} is not within 0 and 1")
        )
    polygons = is_polygon(rows.columns, layout)
    if polygons.any() and not polygons.all():
        first = int(rows.lines[np.flatnonzero(polygons)[0]])
        faults.append(RowFault(first, "mixed-rows", "a polygon is among boxes"))
    return sorted(faults, key=lambda fault: fault.line)


def find_repeated(rows: LabelRows) -> Bool:
    """Return (N,) bool: which rows a training removes, since they repeat an earlier one.

    Source: ultralytics ``data/utils.py:verify_image_label``: equal in single precision, outlines
    by all their points.
    """
    count = len(rows.class_ids)
    repeated = np.zeros(count, np.bool_)
    if count < 2:
        return repeated
    table = np.empty((count, 5), np.float32)
    table[:, 0], table[:, 1:] = rows.class_ids, rows.cxcywh
    table += 0.0  # minus zero is zero
    content, width = table.tobytes(), table.strides[0]
    keys = [content[at : at + width] for at in range(0, len(content), width)]
    if len(set(keys)) == count:
        return repeated  # nearly always
    seen: set[tuple[bytes, bytes]] = set()
    for row, key in enumerate(keys):
        tail = rows.tails.get(row)
        whole = (key, b"" if tail is None else np.array(tail, np.float32).tobytes())
        repeated[row] = whole in seen
        seen.add(whole)
    return repeated
