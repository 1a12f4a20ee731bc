"""Labels of one image that are the same, or nearly so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.types import F64, I64
from yolokit.datasets.row_faults import hash_rows

if TYPE_CHECKING:
    from yolokit.datasets.label_table import LabelTable

MIN_IOU = 0.9
_MOST_NEIGHBOURS = 200  # of a box whose left edges lie as near


class Twins(msgspec.Struct, frozen=True, eq=False):
    """Labels that are in their image twice, or nearly.

    Attributes:
        repeats: (R,) int64, the earlier row that each one equals in all it has, or -1.
        same_class: Row to an earlier one of its class whose box is nearly the same, with the IoU.
        other_class: Row to an earlier one of another class whose box is nearly the same.
    """

    repeats: I64
    same_class: Mapping[int, tuple[int, float]]
    other_class: Mapping[int, tuple[int, float]]


def find_twins(table: LabelTable) -> Twins:
    """Look at the labels of each image in pairs; one that repeats another has no twin else."""
    repeats = _find_repeats(table)
    first, second, ious = _find_pairs(table, np.flatnonzero(repeats < 0))
    same = table.class_ids[first] == table.class_ids[second]
    return Twins(
        repeats,
        _best(first[same], second[same], ious[same]),
        _best(first[~same], second[~same], ious[~same]),
    )


def _find_repeats(table: LabelTable) -> I64:
    """Return (R,) int64: the earlier row of its image that each row equals, or -1."""
    keys = np.empty((len(table), 6), np.uint64)
    keys[:, 0], keys[:, 1] = table.image_of, table.class_ids
    keys[:, 2:] = (table.xyxy + 0.0).view(np.uint64)  # minus zero is zero
    repeats: I64 = np.full(len(table), -1)
    seen: dict[tuple[bytes, ...], int] = {}
    for row in hash_rows(keys):
        rings = tuple(ring.tobytes() for ring in table.shapes.get(row, ()))
        points = table.keypoints[row].tobytes() if row in table.keypoints else b""
        key = (keys[row].tobytes(), points, *rings)
        repeats[row] = seen.get(key, -1)
        seen.setdefault(key, row)
    return repeats


def _find_pairs(table: LabelTable, rows: I64) -> tuple[I64, I64, F64]:
    """Return the earlier and the later row of each pair of nearly equal boxes, and their IoU.

    Boxes are sorted by their left edges, and each is compared with those that follow it while
    their left edges are so near that the IoU can reach ``MIN_IOU``.
    """
    sides = table.xyxy[rows, 2:] - table.xyxy[rows, :2]
    rows = rows[(sides > 0).all(axis=1)]
    order = rows[np.lexsort((table.xyxy[rows, 0], table.image_of[rows]))]
    boxes, image_of = table.xyxy[order], table.image_of[order]
    reach = (boxes[:, 2] - boxes[:, 0]) * (1 / MIN_IOU - 1) + 1e-12
    here = np.arange(len(order))
    found: list[tuple[I64, I64, F64]] = []
    for step in range(1, _MOST_NEIGHBOURS):
        here = here[here + step < len(order)]
        there = here + step
        near = image_of[here] == image_of[there]
        near &= boxes[there, 0] - boxes[here, 0] <= reach[here]
        here, there = here[near], there[near]
        if not len(here):
            break
        ious = _iou(boxes[here], boxes[there])
        twins = ious >= MIN_IOU
        pairs = np.sort(np.stack([order[here[twins]], order[there[twins]]], axis=1), axis=1)
        found.append((pairs[:, 0], pairs[:, 1], ious[twins]))
    none = np.zeros(0, np.int64)
    first, second, scores = zip(*[(none, none, np.zeros(0)), *found], strict=True)
    return np.concatenate(first), np.concatenate(second), np.concatenate(scores)


def _iou(a: F64, b: F64) -> F64:
    """Return the IoU of N pairs of boxes with an area, both (N, 4)."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=1)
    areas = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1)
    iou: F64 = shared / (areas - shared)
    return iou


def _best(first: I64, second: I64, ious: F64) -> dict[int, tuple[int, float]]:
    """Return each later row with the earlier one that fits best, in the order of rows."""
    best: dict[int, tuple[int, float]] = {}
    order = np.lexsort((-ious, second))
    for at in order.tolist():
        best.setdefault(int(second[at]), (int(first[at]), float(ious[at])))
    return best
