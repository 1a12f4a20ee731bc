"""Geometry of outlines and the random numbers that labels are made from."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from yolokit.jobs.demo.outline import (
    box,
    capsule,
    circle,
    contains,
    direction,
    moved,
    round_box,
    teeth,
    unit_vectors,
)
from yolokit.jobs.demo.rng import Rng


def test_unit_vectors_equal_cosine_and_sine() -> None:
    turns = np.linspace(-3.0, 3.0, 1001)
    expected = np.stack([np.cos(turns * 2 * np.pi), np.sin(turns * 2 * np.pi)], axis=-1)
    np.testing.assert_allclose(unit_vectors(turns), expected, atol=2e-14)


def test_one_direction_has_the_bits_of_the_array_version() -> None:
    turns = [Rng(3).uniform(-2, 2) for _ in range(50)]
    assert [direction(turn) for turn in turns] == list(map(tuple, unit_vectors(turns).tolist()))


@pytest.mark.parametrize("turn", [0.0, 0.25, 0.5, 0.75])
def test_quarter_turns_are_exact(turn: float) -> None:
    x, y = direction(turn)
    assert (x, y) == (round(math.cos(turn * 2 * math.pi)), round(math.sin(turn * 2 * math.pi)))


def test_circle_and_bars_have_their_exact_extent() -> None:
    ring = circle(0.5, 2.0, 3.0)
    assert ring.min(axis=0).tolist() == [1.5, 2.5]
    assert ring.max(axis=0).tolist() == [2.5, 3.5]
    bar = capsule((0.0, 0.0), (4.0, 0.0), 1.0)
    assert [*bar.min(axis=0), *bar.max(axis=0)] == pytest.approx([-1, -1, 5, 1], abs=1e-12)
    plate = round_box(-2.0, -1.0, 2.0, 1.0, 0.5)
    assert [*plate.min(axis=0), *plate.max(axis=0)] == pytest.approx([-2, -1, 2, 1], abs=1e-12)


def test_moved_turns_before_it_shifts() -> None:
    corner = moved(box(0.0, 0.0, 2.0, 1.0), 10.0, 20.0, 0.25)
    assert corner.tolist() == [[10, 20], [10, 22], [9, 22], [9, 20]]


def test_contains_agrees_with_opencv_on_a_gear() -> None:
    gear = teeth(13, 40.0, 50.0, root_share=0.6, tip_share=0.3)
    rng = Rng(1)
    xy = np.array([[rng.uniform(-60, 60), rng.uniform(-60, 60)] for _ in range(400)])
    contour = gear.astype(np.float32)
    distance = [cv2.pointPolygonTest(contour, (x, y), measureDist=True) for x, y in xy.tolist()]
    clear = np.abs(distance) > 1e-3
    assert (contains(gear, xy)[clear] == (np.array(distance) > 0)[clear]).all()
    assert 0.3 < np.mean(contains(gear, xy)) < 0.7


def test_random_numbers_are_the_raw_stream_that_numpy_promises() -> None:
    # PCG64 seeded through SeedSequence: both streams are fixed by numpy's compatibility policy.
    rng = Rng(0)
    assert [rng.random() for _ in range(3)] == [
        0.6369616873214543,
        0.2697867137638703,
        0.04097352393619469,
    ]


def test_random_numbers_stay_in_range_and_reach_all_of_it() -> None:
    rng = Rng(5, 6)
    drawn = [rng.integer(2, 8) for _ in range(300)]
    assert set(drawn) == set(range(2, 9))
    assert all(1.5 <= rng.uniform(1.5, 2.0) < 2.0 for _ in range(300))
    assert 30 < sum(rng.chance(0.2) for _ in range(300)) < 90
    assert sorted(rng.shuffled(range(10))) == list(range(10))
    assert rng.shuffled(range(10)) != list(range(10))
