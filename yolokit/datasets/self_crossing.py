"""Which outlines cross themselves, for many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F32, F64, I64, Bool

_AT_ONCE = 1 << 21  # pairs of edges
_LEAST_POINTS = 4


def find_self_crossing(rings: Sequence[F32]) -> list[int]:
    """Return which outlines, each (P, 2), have two edges that cross within both of them.

    Edges that only touch do not count, so that bridges between the parts of an outline, which it
    follows in both directions, do not either.
    """
    by_length: dict[int, list[int]] = {}
    for at, ring in enumerate(rings):
        if len(ring) >= _LEAST_POINTS:
            by_length.setdefault(len(ring), []).append(at)
    found: list[int] = []
    for length, numbers in by_length.items():
        first, second = _pairs_of_edges(length)
        step = max(1, _AT_ONCE // len(first))
        for some in _unless_convex(rings, numbers, step):
            points = np.stack([rings[at] for at in some]).astype(np.float64)
            crossing = _cross(points, first, second)
            found += [at for at, is_crossing in zip(some, crossing, strict=True) if is_crossing]
    return sorted(found)


def _unless_convex(rings: Sequence[F32], numbers: Sequence[int], step: int) -> Iterator[list[int]]:
    """Yield the outlines that may cross themselves, some at a time: a convex one does not."""
    rest: list[int] = []
    for start in range(0, len(numbers), _AT_ONCE // 64):
        some = numbers[start : start + _AT_ONCE // 64]
        convex = _are_convex(np.stack([rings[at] for at in some]).astype(np.float64))
        rest += [at for at, is_convex in zip(some, convex, strict=True) if not is_convex]
    for start in range(0, len(rest), step):
        yield rest[start : start + step]


def _are_convex(points: F64) -> Bool:
    """Return (N,) bool: which (N, P, 2) outlines turn one way only, and once around."""
    edges = np.roll(points, -1, axis=1) - points
    following = np.roll(edges, -1, axis=1)
    cross = _cross_product(edges, following)
    turns = np.arctan2(cross, (edges * following).sum(axis=2))
    one_way = cross.min(axis=1) * cross.max(axis=1) >= 0
    return np.asarray(one_way & (np.abs(turns.sum(axis=1)) < 3 * np.pi))


def _pairs_of_edges(length: int) -> tuple[I64, I64]:
    """Return the pairs of edges of an outline that do not follow each other."""
    first, second = np.triu_indices(length, 2)
    apart = ~((first == 0) & (second == length - 1))
    return first[apart], second[apart]


def _cross(points: F64, first: I64, second: I64) -> Bool:
    """Return (N,) bool: in which (N, P, 2) outlines any of some pairs of edges cross."""
    ends = np.roll(points, -1, axis=1)
    a, b, c, d = points[:, first], ends[:, first], points[:, second], ends[:, second]
    sides = [
        np.sign(_cross_product(end - start, point - start))
        for start, end, point in ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    ]
    both_ways = (sides[0] * sides[1] < 0) & (sides[2] * sides[3] < 0)
    return np.asarray(both_ways.any(axis=1))


def _cross_product(a: F64, b: F64) -> F64:
    product: F64 = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product
