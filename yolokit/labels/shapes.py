"""What an annotation may be beside a box: an outline or a rotated box; and their geometry.

All points are float64 pixels of the image, x to the right and y down, origin at the top-left
corner of the first pixel.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import F64

if TYPE_CHECKING:
    from collections.abc import Sequence

ShapeKind: TypeAlias = Literal["polygon", "rotated"]

_CHUNK = 1024  # corners whose distances are held at once
_ERROR_PX = 0.05
_MAX_POINTS = 4096
_HUGE = 1e9


def describe_fragments(count: int) -> tuple[str, str]:
    """Return code and message of a note on parts of an outline that are left aside."""
    parts = counted(count, "part")
    return "fragment-aside", f"{parts} of its outline with fewer than three points left aside"


class Shape(msgspec.Struct, frozen=True, eq=False):
    """An outline, or a box that is not parallel to the axes.

    Attributes:
        rings: Outlines, each (P, 2) px; a rotated box has one, of its 4 corners in order.
        kind: ``polygon``, or ``rotated`` for a box by its corners.
        box_stated: The source states the annotation's box too, so that it is not derived.
        remark: ``code: what was done`` where the source has something else that had to be brought
            into this form, such as the pixels of a mask; None where it is unchanged.
    """

    rings: tuple[F64, ...]
    kind: ShapeKind = "polygon"
    box_stated: bool = False
    remark: str | None = None

    def __post_init__(self) -> None:
        if not self.rings:
            raise ValueError("a shape has an outline")
        for ring in self.rings:
            if ring.ndim != 2 or ring.shape[1] != 2 or ring.dtype != np.float64:
                raise ValueError(f"an outline is (P, 2) float64, not {ring.shape} {ring.dtype}")
        if self.kind == "rotated" and [len(ring) for ring in self.rings] != [4]:
            raise ValueError("a rotated box has four corners")

    @property
    def xyxy(self) -> list[float]:
        """The box around it, in px."""
        return enclosing_box(self.rings)


def polygon(points: Sequence[Sequence[float]] | Sequence[float] | F64) -> F64:
    """Return x, y pairs, or x, y, x, y..., as an outline, (P, 2) float64.

    Raises:
        ValueError: They are fewer than three pairs of numbers, or not finite.
    """
    try:
        ring = np.array(points, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("an outline holds something that is not a pair of numbers") from error
    if ring.ndim == 1 and not len(ring) % 2:
        ring = ring.reshape(-1, 2)
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
        raise ValueError("an outline has three points or more, each an x, y pair")
    if not np.isfinite(ring).all():
        raise ValueError("an outline holds a value that is not finite")
    return ring


def outlines(parts: Sequence[Sequence[Sequence[float]]]) -> tuple[tuple[F64, ...], str | None]:
    """Return parts of one outline, and a remark where fragments among them are left aside.

    A stray click leaves one, of fewer than three points, beside a whole part.

    Raises:
        ValueError: A part is not an outline; see :func:`polygon`.
    """
    whole = [part for part in parts if len(part) > 2] or parts
    rings = tuple(polygon(part) for part in whole)
    aside = len(parts) - len(whole)
    return rings, ": ".join(describe_fragments(aside)) if aside else None


def enclosing_box(rings: Sequence[F64]) -> list[float]:
    """Return the xyxy box around outlines."""
    points = rings[0] if len(rings) == 1 else np.concatenate(rings)
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]


def ring_area(ring: F64) -> float:
    """Return the signed area of a (P, 2) outline in square px; positive if clockwise as seen."""
    x, y = (ring - ring[0]).T  # seen from there, the side that closes the outline adds nothing
    return float(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def rotated_corners(
    center: tuple[float, float], size_wh: tuple[float, float], degrees: float
) -> F64:
    """Return the (4, 2) corners of a box turned about its centre, from its own top-left corner on.

    Args:
        center: x, y in px.
        size_wh: Width and height in px, before it is turned.
        degrees: Clockwise as seen, since y points down.
    """
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    half = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * size_wh
    turn = np.array([[cos, sin], [-sin, cos]])
    corners: F64 = half @ turn + center
    return corners


def turned_box(xyxy: Sequence[float], degrees: float) -> Shape:
    """Return a box, xyxy in px, turned about its centre by degrees, clockwise as seen."""
    x1, y1, x2, y2 = xyxy
    corners = rotated_corners(((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1), degrees)
    return Shape((corners,), "rotated")


def box_corners(xyxy: Sequence[float]) -> F64:
    """Return the (4, 2) corners of a box, clockwise from the top left."""
    x1, y1, x2, y2 = xyxy
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], np.float64)


def smallest_rotated_box(points: F64) -> F64:
    """Return the (4, 2) corners of the rotated box of least area around (P, 2) points.

    One side of it lies along a side of their convex hull.

    Source: Freeman, Shapira: Determining the Minimum-Area Encasing Rectangle (1975).
    """
    hull = _convex_hull(points)
    edges = np.roll(hull, -1, axis=0) - hull
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    along = edges[lengths > 0] / lengths[lengths > 0, None]
    if not len(along):
        return np.repeat(hull[:1], 4, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    u, v = hull @ along.T, hull @ across.T
    areas = (u.max(axis=0) - u.min(axis=0)) * (v.max(axis=0) - v.min(axis=0))
    best = int(areas.argmin())
    u, v = u[:, best], v[:, best]
    corners = [(u.min(), v.min()), (u.max(), v.min()), (u.max(), v.max()), (u.min(), v.max())]
    result: F64 = np.array(corners) @ np.stack([along[best], across[best]])
    return result


def _convex_hull(points: F64) -> F64:
    """Return the corners of the convex hull in order (Andrew's monotone chain)."""
    ordered = np.unique(points, axis=0)
    if len(ordered) < 3:
        return ordered

    def half(sequence: list[list[float]]) -> list[list[float]]:
        chain: list[list[float]] = []
        for x, y in sequence:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append([x, y])
        return chain[:-1]

    rows = ordered.tolist()
    return np.array(half(rows) + half(rows[::-1]), np.float64)


def clip_ring(ring: F64, limits: Sequence[float]) -> F64:
    """Cut an outline to a box; where it leaves and enters again it follows the box's edge.

    Args:
        ring: (P, 2) px.
        limits: xyxy of the box.

    Returns:
        (Q, 2) px; Q is 0 where nothing is left.

    Source: Sutherland, Hodgman: Reentrant Polygon Clipping (1974).
    """
    x1, y1, x2, y2 = limits
    for axis, limit, sign in ((0, x1, 1.0), (1, y1, 1.0), (0, x2, -1.0), (1, y2, -1.0)):
        if not len(ring):
            break
        ring = _clip_side(ring, axis, limit, sign)
    repeated = np.asarray((ring == np.roll(ring, 1, axis=0)).all(axis=1))
    kept: F64 = ring[~repeated]
    return kept


def _clip_side(ring: F64, axis: int, limit: float, sign: float) -> F64:
    depth = (ring[:, axis] - limit) * sign
    if (depth >= 0).all():
        return ring
    following, next_depth = np.roll(ring, -1, axis=0), np.roll(depth, -1)
    points: list[F64] = []
    for at in range(len(ring)):
        if depth[at] >= 0:
            points.append(ring[at])
        if (depth[at] >= 0) != (next_depth[at] >= 0):
            share = depth[at] / (depth[at] - next_depth[at])
            crossing = ring[at] + share * (following[at] - ring[at])
            crossing[axis] = limit
            points.append(crossing)
    return np.array(points, np.float64).reshape(-1, 2)


def join_rings(rings: Sequence[F64]) -> F64:
    """Join several outlines into one, by bridges without width between their nearest corners.

    Filled, the result covers what the outlines covered; its area is the sum of theirs.
    """
    rest = [ring if ring_area(ring) >= 0 else ring[::-1] for ring in rings]
    rest.sort(key=lambda ring: -ring_area(ring))
    joined = rest.pop(0)
    while rest:
        bridges = [_nearest(joined, ring) for ring in rest]
        chosen = min(range(len(rest)), key=lambda at: bridges[at][0])
        _, here, there = bridges[chosen]
        ring = np.roll(rest.pop(chosen), -there, axis=0)
        joined = np.concatenate([joined[: here + 1], ring, ring[:1], joined[here:]])
    return joined


def _nearest(a: F64, b: F64) -> tuple[float, int, int]:
    """Return the squared distance of the nearest corners of two outlines, and their positions."""
    best = (np.inf, 0, 0)
    for start in range(0, len(a), _CHUNK):
        squared = ((a[start : start + _CHUNK, None] - b[None]) ** 2).sum(axis=2)
        at = int(squared.argmin())
        if squared.flat[at] < best[0]:
            best = float(squared.flat[at]), start + at // len(b), at % len(b)
    return best


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
