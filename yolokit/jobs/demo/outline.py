"""Outlines of parts as polygons, from additions, multiplications and square roots alone.

IEEE 754 fixes those operations to the last bit, but not sine and cosine, which differ between
maths libraries; so :func:`unit_vectors` computes them here, and labels that are derived from an
outline are the same on every machine. An outline is float64 (N, 2), closed without repeating its
first point; x points right, y down.
"""

from __future__ import annotations

import functools
from itertools import pairwise
from math import floor
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

F64: TypeAlias = NDArray[np.float64]
Outline: TypeAlias = F64

_TWO_PI = 6.283185307179586
_CIRCLE_POINTS = 64
# Taylor series up to the 12th and 13th power: exact to 1e-14 within an eighth of a turn.
_COS_DIVISORS = (1.0, -2.0, 24.0, -720.0, 40320.0, -3628800.0, 479001600.0)
_SIN_DIVISORS = (1.0, -6.0, 120.0, -5040.0, 362880.0, -39916800.0, 6227020800.0)


def unit_vectors(turns: F64 | Sequence[float]) -> F64:
    """Return (cos, sin) of angles given in turns.

    Args:
        turns: (N,) angles; 0.25 is a quarter turn, clockwise as y points down.

    Returns:
        (N, 2) float64, each row of length 1 within 1e-15, bitwise equal on every machine.
    """
    turn = np.asarray(turns, dtype=np.float64)
    quarter = np.floor(turn * 4.0 + 0.5)
    angle = (turn - quarter * 0.25) * _TWO_PI  # within an eighth of a turn about 0
    square = angle * angle
    cos = _horner(square, _COS_DIVISORS)
    sin = angle * _horner(square, _SIN_DIVISORS)
    step = quarter.astype(np.int64) % 4
    x = np.choose(step, (cos, -sin, -cos, sin))
    y = np.choose(step, (sin, cos, -sin, -cos))
    return np.stack((x, y), axis=-1)


def _horner(x: F64, divisors: Sequence[float]) -> F64:
    """Sum x**k / divisors[k], from the smallest term up."""
    total = np.zeros_like(x)
    for divisor in reversed(divisors):
        total = total * x + 1.0 / divisor
    return total


def direction(turn: float) -> tuple[float, float]:
    """Return (cos, sin) of one angle in turns; the same operations as :func:`unit_vectors`."""
    quarter = floor(turn * 4.0 + 0.5)
    angle = (turn - quarter * 0.25) * _TWO_PI
    square = angle * angle
    cos = sin = 0.0
    for divisor in reversed(_COS_DIVISORS):
        cos = cos * square + 1.0 / divisor
    for divisor in reversed(_SIN_DIVISORS):
        sin = sin * square + 1.0 / divisor
    sin *= angle
    return ((cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos))[quarter % 4]


def rotate(xy: F64, x_axis: tuple[float, float], y_axis: tuple[float, float]) -> F64:
    """Return points that are given along two axes, (N, 2), in the frame of the axes."""
    rotated = np.empty_like(xy)
    x, y = xy[:, 0], xy[:, 1]
    rotated[:, 0] = x * x_axis[0] + y * y_axis[0]
    rotated[:, 1] = x * x_axis[1] + y * y_axis[1]
    return rotated


def moved(outline: Outline, x: float = 0.0, y: float = 0.0, turn: float = 0.0) -> Outline:
    """Return the outline rotated about the origin by ``turn`` turns, then shifted."""
    cos, sin = direction(turn)
    return shifted(rotate(outline, (cos, sin), (-sin, cos)), x, y)


def shifted(outline: Outline, x: float, y: float) -> Outline:
    """Return the outline moved by an offset."""
    result: Outline = outline + np.array([x, y])
    return result


def points(*xy: tuple[float, float]) -> Outline:
    """Return an outline through the points given."""
    return np.array(xy, dtype=np.float64)


def circle(
    radius: float, x: float = 0.0, y: float = 0.0, *, count: int = _CIRCLE_POINTS
) -> Outline:
    """Return a circle as a regular polygon; a multiple of 4 points makes its extent exact."""
    return shifted(_unit_circle(count) * radius, x, y)


@functools.cache
def _unit_circle(count: int) -> Outline:
    return unit_vectors(np.arange(count) / count)


@functools.cache
def _half_circle() -> Outline:
    """Return the right half of the unit circle."""
    return arc(1.0, -0.25, 0.25)


def ellipse(radius_x: float, radius_y: float, x: float = 0.0, y: float = 0.0) -> Outline:
    """Return an ellipse with axes along x and y."""
    return shifted(circle(1.0) * np.array([radius_x, radius_y]), x, y)


def regular(sides: int, radius: float, *, turn: float = 0.0) -> Outline:
    """Return a regular polygon with its first corner at angle ``turn``."""
    return moved(_unit_circle(sides) * radius, turn=turn)


def box(x1: float, y1: float, x2: float, y2: float) -> Outline:
    """Return a rectangle."""
    return points((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def round_box(x1: float, y1: float, x2: float, y2: float, radius: float) -> Outline:
    """Return a rectangle with rounded corners."""
    corner = unit_vectors(np.arange(9) / 32.0) * radius
    centres = (
        (x2 - radius, y2 - radius, 0.0),
        (x1 + radius, y2 - radius, 0.25),
        (x1 + radius, y1 + radius, 0.5),
        (x2 - radius, y1 + radius, 0.75),
    )
    return np.concatenate([moved(corner, x, y, turn) for x, y, turn in centres])


def arc(radius: float, start: float, end: float, x: float = 0.0, y: float = 0.0) -> Outline:
    """Return points along an arc from ``start`` to ``end`` in turns, both ends included."""
    count = max(5, int(abs(end - start) * _CIRCLE_POINTS) | 1)  # odd: the middle is a point
    turns = start + (end - start) * np.arange(count) / (count - 1)
    return shifted(unit_vectors(turns) * radius, x, y)


def capsule(start: tuple[float, float], end: tuple[float, float], radius: float) -> Outline:
    """Return a straight bar with round ends."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = float(np.sqrt(dx * dx + dy * dy))
    cos, sin = (dx / length, dy / length) if length > 0 else (1.0, 0.0)
    half = _half_circle() * radius
    bar = np.concatenate([half + np.array([length, 0.0]), -half])
    return shifted(rotate(bar, (cos, sin), (-sin, cos)), *start)


def wire(path: Outline, radius: float) -> tuple[Outline, ...]:
    """Return an open path drawn with a round pen: one capsule for each straight piece."""
    corners: list[Any] = path.tolist()
    return tuple(capsule(tuple(start), tuple(end), radius) for start, end in pairwise(corners))


def teeth(count: int, root: float, tip: float, *, root_share: float, tip_share: float) -> Outline:
    """Return a gear's outline: trapezoid teeth on a circle.

    Args:
        count: Number of teeth.
        root: Radius at the foot of the teeth.
        tip: Radius at their tips.
        root_share: Share of a pitch that a tooth takes at its foot, in (0, 1).
        tip_share: The same at its tip.
    """
    offsets = np.array(
        [-root_share / 2, -tip_share / 2, 0.0, tip_share / 2, root_share / 2, 0.5], dtype=np.float64
    )
    radii = np.array([root, tip, tip, tip, root, root], dtype=np.float64)
    turns = (np.arange(count)[:, None] + offsets) / count
    return unit_vectors(turns.reshape(-1)) * np.tile(radii, count)[:, None]


def lobed(lobes: int, radius: float, depth: float, *, count: int = 96) -> Outline:
    """Return a round outline whose radius swings ``lobes`` times by ``depth`` on either side."""
    turns = np.arange(count) / count
    swing = unit_vectors(turns * lobes)[:, 0]
    return unit_vectors(turns) * (radius + depth * swing)[:, None]


def contains(outline: Outline, xy: F64) -> NDArray[np.bool_]:
    """Tell which points lie inside an outline (even-odd rule).

    Args:
        outline: (N, 2) polygon.
        xy: (M, 2) points in the same frame.

    Returns:
        (M,) bool.
    """
    inside: NDArray[np.bool_] = ((xy > outline.min(axis=0)) & (xy < outline.max(axis=0))).all(
        axis=1
    )
    near = xy[inside]
    x1, y1 = outline[:, 0], outline[:, 1]
    following = np.concatenate((outline[1:], outline[:1]))
    x2, y2 = following[:, 0], following[:, 1]
    px, py = near[:, :1], near[:, 1:]
    spans = (y1 > py) != (y2 > py)
    height = np.where(y2 == y1, 1.0, y2 - y1)
    left = px < x1 + (py - y1) * ((x2 - x1) / height)
    inside[inside] = np.logical_xor.reduce(spans & left, axis=1)
    return inside
