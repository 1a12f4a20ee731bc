"""One label of Scalabel or BDD100K, converted to the model's types."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from yolokit.core.types import F64
from yolokit.formats.toolkit.json_file import as_dict
from yolokit.formats.toolkit.mask_codecs import require_area
from yolokit.labels.masks import decode_runs, decompress_runs, mask_to_shape
from yolokit.labels.shapes import Shape, describe_fragments, polygon

_FAR_PX = 1e9
_OFF_PX = 0.1
_MAX_PIECES = 1000


class NoAreaError(ValueError):
    """A label bounds no object, and is not meant to."""


def read_label(
    label: dict[str, Any], *, shapes: bool, end_px: float
) -> tuple[list[float], Shape | None]:
    """Return a label's box in px, and its outline.

    Args:
        label: With ``box2d``, ``poly2d`` or ``rle``.
        shapes: Whether the outline is wanted where there is a box too.
        end_px: Added to the right and bottom of boxes.

    Raises:
        NoAreaError: It is a line, or has none of them.
        ValueError: It is faulty; the message says why.
    """
    box = None
    if label.get("box2d") is not None:
        box = _read_box(label["box2d"], end_px)
        if not shapes:
            return box, None
    shape = _read_shape(label)
    if shape is None and box is None:
        raise NoAreaError("it has no box2d, poly2d or rle")
    if box is None:
        assert shape is not None
        return shape.xyxy, shape
    if shape is None:
        return box, None
    return box, msgspec.structs.replace(shape, box_stated=True)


def _read_box(value: Any, end_px: float) -> list[float]:
    numbers = [as_dict(value).get(key) for key in ("x1", "y1", "x2", "y2")]
    found = [number for number in numbers if isinstance(number, (int, float))]
    if len(found) < 4 or not all(abs(number) < _FAR_PX for number in found):
        raise ValueError(f"its `box2d` is not four numbers x1, y1, x2, y2: {str(value)[:80]}")
    x1, y1, x2, y2 = map(float, found)
    return [x1, y1, x2 + end_px, y2 + end_px]


def _read_shape(label: dict[str, Any]) -> Shape | None:
    if label.get("poly2d") is not None:
        return _read_polygons(label["poly2d"], str(label.get("category", "")))
    if label.get("rle") is not None:
        return _read_mask(label["rle"])
    return None


def _read_polygons(value: Any, category: str) -> Shape:
    """Bring polygons into the form of outlines; of those that are not closed there is none.

    In the files of BDD100K's first release the vertices are in ``poly2d`` itself, with their
    types, and nothing says what is closed: lanes are not.
    """
    if not isinstance(value, list) or not value:
        raise ValueError("its `poly2d` is not a list")
    if isinstance(value[0], list):
        if not all(isinstance(vertex, list) for vertex in value):
            raise ValueError("its `poly2d` holds something that is not a vertex")
        vertices = [vertex[:2] for vertex in value]
        types = "".join(str(vertex[2]) if len(vertex) > 2 else "L" for vertex in value)
        closed = not category.startswith("lane")
        value = [{"vertices": vertices, "types": types, "closed": closed}]
    if not all(isinstance(item, dict) for item in value):
        raise ValueError("its `poly2d` holds something that is not a polygon")
    areas = [item for item in value if item.get("closed", True)]
    if not areas:
        raise NoAreaError("it is a line, not closed")
    whole = [item for item in areas if len(item.get("vertices") or []) > 2] or areas
    fragments = len(areas) - len(whole)
    rings: list[F64] = []
    curves = 0
    for item in whole:
        ring = polygon(item.get("vertices") or [])
        if (np.abs(ring) > _FAR_PX).any():
            raise ValueError("its `poly2d` has vertices far outside of any image")
        types = item.get("types") or "L" * len(ring)
        flat, count = _flatten(ring, types)
        rings.append(flat)
        curves += count
    remark = f"curve-to-polygon: {curves} Bezier curves became lines" if curves else None
    if fragments and remark is None:
        remark = ": ".join(describe_fragments(fragments))
    return Shape(tuple(rings), remark=remark)


def _flatten(ring: F64, types: Any) -> tuple[F64, int]:
    """Replace the curves of a closed outline by lines that are off by less than 0.1 px.

    Two control points (``C``) come before the point in which their curve ends, whatever type
    that has.
    """
    if not isinstance(types, str) or len(types) != len(ring) or set(types) - {"L", "C"}:
        raise ValueError("its `types` are not one L or C for each vertex")
    if "C" not in types:
        return ring, 0
    if types[0] == "C":
        raise ValueError("its `types` begin with a control point")
    points: list[F64] = [ring[:1]]
    at, curves = 1, 0
    while at < len(ring):
        if types[at] == "L":
            points.append(ring[at : at + 1])
            at += 1
            continue
        if at + 1 >= len(ring) or types[at + 1] != "C":
            raise ValueError("its `types` have a control point alone; a curve has two")
        end = ring[(at + 2) % len(ring)]
        points.append(_sample_curve(np.stack([ring[at - 1], ring[at], ring[at + 1], end])))
        at, curves = at + 3, curves + 1
    return np.concatenate(points), curves


def _sample_curve(control: F64) -> F64:
    """Return points on a cubic Bezier curve, its start left out.

    Source: Wang's formula for the number of lines, in Goldman: Pyramid Algorithms (2003), 5.6.3.
    """
    bend = max(float(np.hypot(*(a - 2 * b + c))) for a, b, c in _triples(control))
    pieces = min(max(1, int(np.ceil(np.sqrt(0.75 * bend / _OFF_PX)))), _MAX_PIECES)
    t = np.linspace(0, 1, pieces + 1)[1:, None]
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    curve: F64 = np.sum([w * p for w, p in zip(weights, control, strict=True)], axis=0)
    return curve


def _triples(control: F64) -> Sequence[tuple[F64, F64, F64]]:
    return [(a, b, c) for (a, b), (_, c) in pairwise(pairwise(control))]


def _read_mask(value: Any) -> Shape:
    counts, size = as_dict(value).get("counts"), as_dict(value).get("size")
    if not isinstance(counts, str) or not isinstance(size, list) or len(size) != 2:
        raise ValueError("its `rle` has no `counts` and `size`")
    if not all(isinstance(side, int) and 0 < side < 1 << 31 for side in size):
        raise ValueError(f"its `rle` has the size {str(size)[:40]}")
    runs = decompress_runs(counts)
    if any(abs(run) > 1 << 40 for run in runs):
        raise ValueError("its `rle` has a run that no image holds")
    return require_area(mask_to_shape(decode_runs(runs, (size[0], size[1]))), "its mask")
