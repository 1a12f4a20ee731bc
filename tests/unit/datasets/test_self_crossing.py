"""Outlines that cross themselves are told from those that only touch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.core.types import F64
from yolokit.datasets import self_crossing
from yolokit.datasets.self_crossing import find_self_crossing
from yolokit.labels.shapes import join_rings

BOW_TIE = [[0, 0], [1, 1], [1, 0], [0, 1]]
SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
ARROW = [[0, 0], [4, 0], [1, 1], [0, 4]]
STAR = [[0, 3], [2, -3], [-3, 1], [3, 1], [-2, -3]]  # turns one way, and twice around
TOUCHING = [[0, 0], [2, 0], [1, 1], [2, 2], [0, 2], [1, 1]]


def cross(*rings: Sequence[Sequence[float]] | F64) -> list[int]:
    return find_self_crossing([np.array(ring, np.float32) for ring in rings])


def test_crossing_outlines_are_found_among_others() -> None:
    assert cross(SQUARE, BOW_TIE, ARROW, STAR, TOUCHING, [[0, 0], [1, 0], [0, 1]]) == [1, 3]
    assert cross() == []


def test_a_bridge_between_parts_is_no_crossing() -> None:
    far = np.array(SQUARE, np.float64) + 5
    assert cross(join_rings([np.array(SQUARE, np.float64), far])) == []


def test_many_are_looked_at_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_crossing, "_AT_ONCE", 64)
    rings = [BOW_TIE if at % 3 else SQUARE for at in range(50)]
    assert cross(*rings) == [at for at in range(50) if at % 3]


@given(st.integers(4, 12), st.integers(0, 1000))
def test_points_sorted_by_their_angle_never_cross(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    if np.diff(angles, append=angles[0] + 2 * np.pi).max() >= np.pi:
        return  # the origin is outside
    radii = rng.uniform(0.1, 1, count)
    ring = np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=1)
    assert cross(ring) == []
    assert cross(ring[::-1]) == []
