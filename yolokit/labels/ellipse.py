"""Circles and ellipses, which some formats hold, as outlines of enough points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.labels.shapes import Shape, rotated_corners

if TYPE_CHECKING:
    from yolokit.core.types import F64

_ERROR_PX = 0.05
_MAX_POINTS = 4096
_HUGE = 1e9


def ellipse_ring(center: tuple[float, float], radii: tuple[float, float], degrees: float) -> F64:
    """Return the (P, 2) outline of an ellipse, nowhere off by more than 0.05 px.

    Its own leftmost, topmost, rightmost and bottommost points are among them.

    Args:
        center: x, y in px.
        radii: Half its width and half its height in px, before it is turned.
        degrees: Clockwise as seen, about the centre.

    Raises:
        ValueError: A value is not finite or huge, or a radius is not above 0.
    """
    if not all(abs(value) < _HUGE for value in (*center, *radii, degrees)):  # nor are they NaN
        raise ValueError("an ellipse holds a value that is not finite, or huge")
    if min(radii) <= 0:
        raise ValueError("the radius of a circle or an ellipse is above 0")
    count = 4 * math.ceil(math.pi / math.acos(1 - min(_ERROR_PX / max(radii), 1)) / 4 - 1e-9)
    angles = np.arange(min(count, _MAX_POINTS)) * (2 * np.pi / min(count, _MAX_POINTS))
    ring = np.stack([np.cos(angles) * radii[0], np.sin(angles) * radii[1]], axis=1)
    if degrees % 360:
        turn = np.deg2rad(degrees)
        cos, sin = np.cos(turn), np.sin(turn)
        ring = ring @ np.array([[cos, sin], [-sin, cos]])
    outline: F64 = ring + np.array(center, np.float64)
    return outline


def ellipse_shape(
    center: tuple[float, float], radii: tuple[float, float], degrees: float = 0.0
) -> Shape:
    """Return an ellipse, or a circle, as a polygon that says what it was.

    Raises:
        ValueError: See :func:`ellipse_ring`.
    """
    ring = ellipse_ring(center, radii, degrees)
    name = "a circle" if radii[0] == radii[1] else "an ellipse"
    return Shape((ring,), remark=f"circle-to-polygon: {name} became {counted(len(ring), 'point')}")


def rotated_about_corner(
    corner: tuple[float, float], size_wh: tuple[float, float], degrees: float
) -> F64:
    """Return the (4, 2) corners of a box turned about its top-left corner, from that one on.

    Args:
        corner: x, y in px; it stays where it is.
        size_wh: Width and height in px, before it is turned.
        degrees: Clockwise as seen, since y points down.
    """
    corners = rotated_corners((0.0, 0.0), size_wh, degrees)
    moved: F64 = corners - corners[0] + np.array(corner, np.float64)
    return moved
