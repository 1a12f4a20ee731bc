"""Geometry of outlines."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from yolokit.jobs.demo.rng import Rng
from yolokit.jobs.demo.shapes import (
    box,
    capsule,
    circle,
    contains,
    lobed,
    moved,
    round_box,
    unit_vectors,
)


@pytest.mark.parametrize("turn", [0.0, 0.25, 0.5, 0.75, 0.1])
def test_a_turn_is_clockwise_from_the_right(turn: float) -> None:
    expected = math.cos(turn * 2 * math.pi), math.sin(turn * 2 * math.pi)
    assert unit_vectors(np.array([turn])).tolist() == [pytest.approx(expected, abs=1e-15)]


def test_circle_and_bars_have_their_exact_extent() -> None:
    ring = circle(0.5, 2.0, 3.0)
    assert [*ring.min(axis=0), *ring.max(axis=0)] == pytest.approx([1.5, 2.5, 2.5, 3.5], abs=1e-12)
    bar = capsule((0.0, 0.0), (4.0, 0.0), 1.0)
    assert [*bar.min(axis=0), *bar.max(axis=0)] == pytest.approx([-1, -1, 5, 1], abs=1e-12)
    plate = round_box(-2.0, -1.0, 2.0, 1.0, 0.5)
    assert [*plate.min(axis=0), *plate.max(axis=0)] == pytest.approx([-2, -1, 2, 1], abs=1e-12)


def test_moved_turns_before_it_shifts() -> None:
    corner = moved(box(0.0, 0.0, 2.0, 1.0), 10.0, 20.0, 0.25)
    np.testing.assert_allclose(corner, [[10, 20], [10, 22], [9, 22], [9, 20]], atol=1e-12)


def test_contains_agrees_with_opencv_on_a_lobed_outline() -> None:
    gear = lobed(13, 45.0, 5.0)
    rng = Rng(1)
    xy = np.array([[rng.uniform(-60, 60), rng.uniform(-60, 60)] for _ in range(400)])
    contour = gear.astype(np.float32)
    distance = [cv2.pointPolygonTest(contour, (x, y), measureDist=True) for x, y in xy.tolist()]
    clear = np.abs(distance) > 1e-3
    assert (contains(gear, xy)[clear] == (np.array(distance) > 0)[clear]).all()
    assert 0.3 < np.mean(contains(gear, xy)) < 0.7
