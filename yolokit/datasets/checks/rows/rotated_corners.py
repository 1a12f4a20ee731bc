"""Rotated boxes whose corners are out of order, or form no rectangle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.core.types import F64
from yolokit.datasets.checks.toolkit import at_row, name_class
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.self_crossing import find_self_crossing

CODE = "rotated-corners"
TITLE = "rotated boxes whose corners are not those of a rectangle"
SEVERITY = "warning"
PURPOSES = ("train", "val", "source")
HINT = "give the corners in order around the box; training takes the smallest rectangle around them"
_SORTED = "corners-sorted"  # what a reader says that has put them in order
_LEAST_FILLED = 0.8  # of the smallest rectangle around: boxes of aerial images are drawn freely


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield each such box; where the size of its image is not known, only its order is judged."""
    table = facts.table
    for row, remark in table.remarks.items():
        if remark.startswith(_SORTED):
            told = f"the corners of this {name_class(table, row)} are not in order around it"
            yield at_row(facts, CODE, row, told)
    rows = sorted(table.rotated)
    if not rows:
        return
    corners = np.stack([table.shapes[row][0] for row in rows]).astype(np.float64)
    crossing = set(find_self_crossing(list(corners.astype(np.float32))))
    wh_px = table.wh_px[rows]
    filled = _filled_share(corners * wh_px[:, None])
    for at, row in enumerate(rows):
        if at in crossing:
            fault = "has corners that are not in order around it"
        elif wh_px[at].all() and filled[at] < _LEAST_FILLED:
            fault = f"is not a rectangle: it fills {filled[at]:.0%} of the smallest one around it"
        else:
            continue
        yield at_row(facts, CODE, row, f"the rotated box of this {name_class(table, row)} {fault}")


def _filled_share(corners: F64) -> F64:
    """Return (N,): the area of (N, 4, 2) corners over that of the smallest rectangle around."""
    x, y = corners[..., 0], corners[..., 1]
    area = np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2
    edges = np.roll(corners, -1, axis=1) - corners
    lengths = np.hypot(edges[..., 0], edges[..., 1])[..., None]
    along = np.divide(edges, lengths, out=np.zeros_like(edges), where=lengths > 0)
    across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
    u, v = corners @ along.swapaxes(1, 2), corners @ across.swapaxes(1, 2)  # (N, points, edges)
    around = (np.ptp(u, axis=1) * np.ptp(v, axis=1)).min(axis=1)
    share: F64 = np.divide(area, around, out=np.ones_like(area), where=around > 0)
    return share
