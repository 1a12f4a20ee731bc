"""Geometries of Supervisely that cover something."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from yolokit.core.plural import counted
from yolokit.formats.toolkit.json_file import as_dict, as_list, as_number
from yolokit.formats.toolkit.mask_codecs import decode_base64, decode_png_mask, inflate
from yolokit.labels.masks import mask_to_shape
from yolokit.labels.shapes import Shape, outlines, rotated_corners

Geometry: TypeAlias = tuple[list[float] | None, Shape | None]
"""The xyxy of a plain box, or the shape of anything else."""

NO_AREAS = frozenset({"point", "line", "polyline", "graph", "cuboid", "cuboid_2d", "cuboid_3d"})

_PNG = b"\x89PNG"


def read_geometry(item: dict[str, Any], kind: str, *, last_pixel: bool) -> Geometry:
    """Read the geometry of an object.

    Args:
        item: An item of ``objects``.
        kind: Its type.
        last_pixel: Whether the second corner of a rectangle is its last pixel.

    Raises:
        ValueError: Its values are not as they should be; the message says why.
    """
    if kind == "rectangle":
        x1, y1, x2, y2 = _corners(item)
        more = float(last_pixel)
        return [x1, y1, x2 + more, y2 + more], None
    if kind == "oriented_bbox":
        return None, _read_oriented(item)
    if kind == "polygon":
        return None, _read_polygons([as_dict(item.get("points"))])
    if kind == "multipolygon":
        return None, _read_polygons([as_dict(part) for part in as_list(item.get("parts"))])
    if kind in ("bitmap", "alpha_mask"):
        return None, _read_bitmap(as_dict(item.get(kind)) or as_dict(item.get("bitmap")))
    raise ValueError(f"an object of type {kind[:40]!r} is not read")


def _corners(item: dict[str, Any]) -> list[float]:
    """Return the xyxy of two opposite corners, in any order."""
    points = item.get("points")
    exterior = points if isinstance(points, list) else as_list(as_dict(points).get("exterior"))
    if len(exterior) != 2 or not all(isinstance(p, list) and len(p) == 2 for p in exterior):
        raise ValueError("a rectangle needs two corners")
    (ax, ay), (bx, by) = ([as_number(value, "a corner") for value in p] for p in exterior)
    return [min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)]


def _read_oriented(item: dict[str, Any]) -> Shape:
    """Return a rectangle turned about its centre, clockwise by an angle in radians."""
    x1, y1, x2, y2 = _corners(item)
    angle = as_number(item.get("angle") or 0, "`angle`")
    if not all(abs(value) < 1e12 for value in (x1, y1, x2, y2, angle)):  # nor are they NaN
        raise ValueError("a rotated rectangle holds a value that is not finite, or huge")
    center, size = ((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1)
    return Shape((rotated_corners(center, size, math.degrees(angle)),), "rotated")


def _read_polygons(parts: list[dict[str, Any]]) -> Shape:
    """Return the outlines of polygons, their holes filled."""
    if not parts:
        raise ValueError("the object has no `parts`")
    rings, fragments = outlines([as_list(part.get("exterior")) for part in parts])
    holes = sum(len(as_list(part.get("interior"))) for part in parts)
    words = f"{counted(holes, 'hole')} of the outline filled"
    return Shape(rings, remark=f"holes-filled: {words}" if holes else fragments)


def _read_bitmap(bitmap: dict[str, Any]) -> Shape:
    """Return the pixels that a bitmap marks, from its origin on."""
    origin = as_list(bitmap.get("origin"))
    if len(origin) != 2:
        raise ValueError("the bitmap has no `origin` of x and y")
    x, y = (as_number(value, "the `origin` of the bitmap") for value in origin)
    if not np.isfinite([x, y]).all():
        raise ValueError("the `origin` of the bitmap is not finite")
    data = decode_base64(bitmap.get("data"))
    mask = decode_png_mask(data if data.startswith(_PNG) else inflate(data))
    shape = mask_to_shape(mask, (x, y))
    if shape is None:
        raise ValueError("the bitmap covers nothing")
    return shape
