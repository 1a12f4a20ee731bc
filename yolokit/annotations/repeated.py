"""Rows of a label file that stand there more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from yolokit.annotations.yolo_labels import LabelRows
    from yolokit.core.types import Bool


def find_repeated(rows: LabelRows) -> Bool:
    """Return (N,) bool: which rows a training removes, as they say the same as an earlier one.

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
