"""Outlines, and the layers of outlines that a part is made of.

An outline is a float64 (N, 2) polygon, closed without repeating its first point, in units of the
part's own length; x points right, y down. Angles are turns: 0.25 is a quarter turn, clockwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from yolokit.core.types import F64, Bool

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.jobs.demo.rng import Rng

Outline: TypeAlias = F64


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One level of a part: the union of solid outlines without the holes.

    Attributes:
        solids: Outlines that are filled.
        holes: Outlines that are cut out again; where no layer is solid one sees the belt.
        base: Height of the edge above the belt, in part lengths.
        rise: Height of the middle above the edge.
        bevel: Width of the edge over which it rises; the rise is round, so a bar whose bevel
            is half its width looks like a wire.
        thread: Pitch of the ridges across the layer; 0 is none.
        tint: A name of ``draw.MATERIALS``, ``dark`` for a hollow, or empty for the part's own.
        detail: It lies wholly on lower layers, so that it changes neither outline nor box.
    """

    solids: tuple[Outline, ...]
    holes: tuple[Outline, ...] = ()
    base: float = 0.0
    rise: float = 0.05
    bevel: float = 0.03
    thread: float = 0.0
    tint: str = ""
    detail: bool = False


Shape: TypeAlias = tuple[Layer, ...]
"""Layers from the lowest to the highest; each hides what is below it."""


@dataclass(frozen=True, slots=True)
class PartKind:
    """One class of parts, or one kind of distractor.

    Attributes:
        name: The class name.
        build: Makes one specimen, about 1 long; specimens differ in their proportions.
        size_px: Least and greatest length at zoom 1 of a 480 x 360 px picture.
        materials: Names of ``draw.MATERIALS`` that it is found in.
    """

    name: str
    build: Callable[[Rng], Shape]
    size_px: tuple[float, float]
    materials: tuple[str, ...]


def unit_vectors(turns: F64) -> F64:
    """Return (N, 2) cosines and sines of (N,) angles."""
    angles = turns * (2 * np.pi)
    return np.stack((np.cos(angles), np.sin(angles)), axis=-1)


def moved(outline: Outline, x: float = 0.0, y: float = 0.0, turn: float = 0.0) -> Outline:
    """Return the outline turned about the origin, then shifted."""
    ((cos, sin),) = unit_vectors(np.array([turn]))
    result: Outline = outline @ np.array([[cos, sin], [-sin, cos]]) + np.array([x, y])
    return result


def points(*xy: tuple[float, float]) -> Outline:
    """Return an outline through the points given."""
    return np.array(xy, dtype=np.float64)


def circle(radius: float, x: float = 0.0, y: float = 0.0, *, sides: int = 64) -> Outline:
    """Return a circle; with few sides a regular polygon with its first corner to the right."""
    return unit_vectors(np.arange(sides) / sides) * radius + (x, y)


def arc(radius: float, start: float, end: float, x: float = 0.0, y: float = 0.0) -> Outline:
    """Return points along an arc about (x, y), both ends included."""
    count = max(5, int(abs(end - start) * 64) | 1)  # odd: the middle is a point
    return unit_vectors(np.linspace(start, end, count)) * radius + (x, y)


def box(x1: float, y1: float, x2: float, y2: float) -> Outline:
    """Return a rectangle."""
    return points((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def round_box(x1: float, y1: float, x2: float, y2: float, radius: float) -> Outline:
    """Return a rectangle with rounded corners."""
    left, top, right, bottom = x1 + radius, y1 + radius, x2 - radius, y2 - radius
    centres = ((right, bottom), (left, bottom), (left, top), (right, top))
    corner = unit_vectors(np.arange(9) / 32) * radius
    return np.concatenate([moved(corner, x, y, i / 4) for i, (x, y) in enumerate(centres)])


def capsule(start: tuple[float, float], end: tuple[float, float], radius: float) -> Outline:
    """Return a straight bar with round ends about its two end points."""
    turn = float(np.arctan2(end[1] - start[1], end[0] - start[0])) / (2 * np.pi)
    half = arc(radius, -0.25, 0.25)
    return np.concatenate([moved(half, *end, turn), moved(half, *start, turn + 0.5)])


def wire(path: Outline, radius: float) -> tuple[Outline, ...]:
    """Return an open path drawn with a round pen: one capsule for each straight piece."""
    return tuple(capsule((x1, y1), (x2, y2), radius) for (x1, y1), (x2, y2) in pairwise(path))


def lobed(lobes: int, radius: float, depth: float) -> Outline:
    """Return a round outline whose radius swings ``lobes`` times by ``depth`` on either side."""
    turns = np.arange(96) / 96
    swing = unit_vectors(turns * lobes)[:, 0]
    return unit_vectors(turns) * (radius + depth * swing)[:, None]


def contains(outline: Outline, xy: F64) -> Bool:
    """Tell which of (M, 2) points lie inside an outline (even-odd rule); returns (M,)."""
    x1, y1 = outline[:, 0], outline[:, 1]
    x2, y2 = np.roll(x1, -1), np.roll(y1, -1)
    px, py = xy[:, :1], xy[:, 1:]
    spans = (y1 > py) != (y2 > py)
    height = np.where(y2 == y1, 1.0, y2 - y1)
    left = px < x1 + (py - y1) * ((x2 - x1) / height)
    inside: Bool = np.logical_xor.reduce(spans & left, axis=1)
    return inside


def covers(shape: Shape, xy: F64) -> Bool:
    """Tell which of (M, 2) points lie under a shape, its holes left out; returns (M,)."""
    covered = np.zeros(len(xy), np.bool_)
    for layer in shape:
        if not layer.detail:
            solid = np.any([contains(outline, xy) for outline in layer.solids], axis=0)
            for outline in layer.holes:
                solid &= ~contains(outline, xy)
            covered |= solid
    return covered


def solid_points(shape: Shape) -> F64:
    """Return (N, 2) the points of all outlines that reach the part's edge."""
    return np.concatenate([o for layer in shape if not layer.detail for o in layer.solids])
