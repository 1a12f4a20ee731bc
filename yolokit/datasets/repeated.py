"""Labels of an image that appear more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from yolokit.core.types import Bool
    from yolokit.datasets.label_rows import LabelRows
    from yolokit.labels.model import Annotations


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


def list_repeated(annotations: Annotations) -> list[int]:
    """Return the places of annotations that repeat an earlier one of their image."""
    left_px = annotations.xyxy[:, 0].tolist()
    if len(set(left_px)) == len(left_px):
        return []  # nearly always, and fast
    seen: set[tuple[object, ...]] = set()
    repeated: list[int] = []
    keypoints = annotations.keypoints
    for row, (category, box, place) in enumerate(
        zip(
            annotations.category_indices.tolist(),
            annotations.xyxy.tolist(),
            annotations.places.tolist(),
            strict=True,
        )
    ):
        shape = annotations.shapes.get(row)
        rings = () if shape is None else tuple(ring.tobytes() for ring in shape.rings)
        points = b"" if keypoints is None else keypoints[row].tobytes()
        key = (category, *box, rings, points)
        if key in seen:
            repeated.append(place)
        seen.add(key)
    return repeated
