"""Shapes of labelme that cover something: rectangles, polygons, circles, masks."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import F64
from yolokit.formats.toolkit.mask_codecs import decode_base64, decode_png_mask, require_area
from yolokit.labels.masks import mask_to_shape
from yolokit.labels.shapes import Shape, ellipse_shape, polygon

Area: TypeAlias = tuple[list[float] | None, Shape | None]
"""The xyxy of a plain box, or the shape of anything else."""

_OFF_PX = 0.01


def read_area(shape: dict[str, Any], kind: str) -> Area:
    """Read one item of ``shapes`` that is an area; ``kind`` is its ``shape_type``.

    Raises:
        ValueError: Its points or its mask are not as they should be; the message says why.
    """
    points = _read_points(shape.get("points"))
    if kind == "rectangle":
        return _read_rectangle(points), None
    if kind == "polygon":
        return None, Shape((polygon(points),))
    if kind == "circle":
        if len(points) != 2:
            raise ValueError(f"a circle has a centre and a point of its edge, not {len(points)}")
        (x, y), (edge_x, edge_y) = points.tolist()
        radius = math.hypot(edge_x - x, edge_y - y)
        return None, ellipse_shape((x, y), (radius, radius))
    if kind in ("oriented_rectangle", "rotation"):
        if len(points) != 4:
            raise ValueError(f"a rotated rectangle has 4 corners, not {len(points)}")
        return None, Shape((points,), "rotated")
    if kind == "mask":
        return None, _read_mask(points, shape.get("mask"))
    raise ValueError(f"a shape of type {kind[:40]!r} is not read")


def is_fragment(shape: dict[str, Any], kind: str) -> bool:
    """Tell whether a shape is what a stray click leaves: a polygon of fewer than three points."""
    points = shape.get("points")
    return kind == "polygon" and isinstance(points, list) and len(points) < 3


def _read_points(points: Any) -> F64:
    """Return (P, 2) points.

    Raises:
        ValueError: They are not pairs of finite numbers.
    """
    if not isinstance(points, list) or not points:
        raise ValueError("the shape has no `points`")
    flat = [value for pair in points if isinstance(pair, list) for value in pair]
    pairs = all(isinstance(pair, list) and len(pair) == 2 for pair in points)
    if not pairs or not all(type(value) in (int, float) for value in flat):
        raise ValueError("the `points` of a shape are not pairs of numbers")
    try:
        found = np.array(points, np.float64)
    except OverflowError as error:
        raise ValueError("the `points` of a shape are too large for a number") from error
    if not (np.abs(found) < 1e12).all():  # nor are they NaN
        raise ValueError("the `points` of a shape hold a value that is not finite, or huge")
    return found


def _read_rectangle(points: F64) -> list[float]:
    """Return the xyxy of a rectangle: of any two opposite corners, or of all four."""
    low, high = points.min(axis=0), points.max(axis=0)
    at_corners = np.minimum(np.abs(points - low), np.abs(points - high)).max() <= _OFF_PX
    if len(points) not in (2, 4) or not at_corners:
        raise ValueError(
            f"{counted(len(points), 'point is', 'points are')} not corners of a rectangle"
        )
    return [*low.tolist(), *high.tolist()]


def _read_mask(points: F64, mask: Any) -> Shape:
    """Return the pixels that a mask marks, from the corner of its box on.

    The second corner is the last pixel: a mask from 3 to 5 has 3 columns.
    """
    if len(points) != 2:
        raise ValueError(f"a mask has two corners, not {len(points)}")
    low, high = np.floor(points.min(axis=0)), np.floor(points.max(axis=0))
    pixels = decode_png_mask(decode_base64(mask))
    width, height = (high - low + 1).astype(np.int64).tolist()
    if abs(pixels.shape[1] - width) > 1 or abs(pixels.shape[0] - height) > 1:
        size = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise ValueError(f"a mask of {size} px is in a box of {width}x{height} px")
    return require_area(mask_to_shape(pixels, (float(low[0]), float(low[1]))), "the mask")
