"""Geometry of outlines and rotated boxes, against OpenCV and by what must hold."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from yolokit.labels.shapes import (
    Shape,
    box_corners,
    clip_ring,
    ellipse_ring,
    ellipse_shape,
    enclosing_box,
    join_rings,
    polygon,
    ring_area,
    rotated_about_corner,
    rotated_corners,
    smallest_rotated_box,
)


@pytest.mark.parametrize("seed", range(30))
def test_the_smallest_rotated_box_is_as_small_as_opencvs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.random((rng.integers(1, 30), 2)) * 100
    area = abs(ring_area(smallest_rotated_box(points)))
    _, (width, height), _ = cv2.minAreaRect(points.astype(np.float32))
    assert area == pytest.approx(width * height, rel=1e-3, abs=1e-3)


def test_a_rotated_box_is_its_own_smallest_box() -> None:
    corners = rotated_corners((50, 40), (30, 10), 25)
    found = smallest_rotated_box(corners)
    assert sorted(map(tuple, found.round(6))) == sorted(map(tuple, corners.round(6)))


def test_a_turn_is_clockwise_as_seen() -> None:
    corners = rotated_corners((50, 50), (20, 10), 90)
    assert corners.round(9).tolist() == [[55, 40], [55, 60], [45, 60], [45, 40]]
    assert rotated_corners((5, 5), (4, 2), 0).tolist() == box_corners([3, 4, 7, 6]).tolist()


def test_joined_outlines_cover_what_they_covered() -> None:
    rings = [
        box_corners([0, 0, 10, 10]),
        box_corners([20, 0, 25, 5])[::-1],
        box_corners([0, 20, 3, 30]),
    ]
    joined = join_rings(rings)
    assert ring_area(joined) == 100 + 25 + 30
    canvas = np.zeros((32, 32), np.uint8)
    cv2.fillPoly(canvas, [(joined * 8).astype(np.int32)], 1, shift=3)
    assert [int(canvas[5, 5]), int(canvas[2, 22]), int(canvas[25, 1])] == [1, 1, 1]
    assert [int(canvas[15, 15]), int(canvas[5, 15])] == [0, 0]


@pytest.mark.parametrize("seed", range(20))
def test_a_clipped_outline_covers_what_was_inside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ring = rotated_corners((50, 50), tuple(rng.uniform(40, 140, 2)), rng.uniform(0, 360))
    clipped = clip_ring(ring, (0, 0, 100, 100))
    _, overlap = cv2.intersectConvexConvex(
        ring.astype(np.float32), box_corners([0, 0, 100, 100]).astype(np.float32)
    )
    assert overlap is not None
    assert abs(ring_area(clipped)) == pytest.approx(
        abs(ring_area(overlap.reshape(-1, 2).astype(np.float64))), rel=1e-4
    )


def test_nothing_is_left_of_an_outline_outside() -> None:
    assert len(clip_ring(box_corners([200, 0, 210, 5]), (0, 0, 100, 100))) == 0


@pytest.mark.parametrize(
    "points", [[1, 2, 3, 4], [[1, 2], [3, 4]], [1, 2, 3, 4, 5], [[1, 2]] * 2 + [[1]], ["a"] * 6]
)
def test_what_is_no_outline_is_refused(points: list[object]) -> None:
    with pytest.raises(ValueError, match="outline"):
        polygon(points)  # type: ignore[arg-type]


def test_a_rotated_box_has_four_corners() -> None:
    with pytest.raises(ValueError, match="four corners"):
        Shape((np.zeros((5, 2)),), "rotated")


@pytest.mark.parametrize("radius", [0.01, 0.5, 3.0, 40.0, 900.0, 20000.0])
def test_a_circle_is_nowhere_off_by_a_tenth_of_a_pixel(radius: float) -> None:
    ring = ellipse_ring((5, 7), (radius, radius), 0)
    middles = (ring + np.roll(ring, -1, axis=0)) / 2
    depth = radius - np.hypot(*(middles - (5, 7)).T)
    assert 0 <= depth.max() < 0.1
    box = [5 - radius, 7 - radius, 5 + radius, 7 + radius]
    np.testing.assert_allclose(enclosing_box([ring]), box, atol=1e-9)


def test_an_ellipse_is_turned_about_its_centre_clockwise() -> None:
    ring = ellipse_ring((50, 40), (30, 10), 90)
    np.testing.assert_allclose(enclosing_box([ring]), [40, 10, 60, 70], atol=1e-9)
    tilted = ellipse_ring((0, 0), (30, 1), 45)
    farthest = tilted[np.argmax(tilted @ [1, 1])]
    assert farthest[0] > 20
    assert farthest[1] > 20
    assert ring_area(tilted) == pytest.approx(math.pi * 30, rel=0.05)


def test_what_it_was_is_said() -> None:
    assert (ellipse_shape((1, 1), (2, 2)).remark or "").startswith("circle-to-polygon: a circle")
    assert (ellipse_shape((1, 1), (2, 3)).remark or "").startswith("circle-to-polygon: an ellipse")


@pytest.mark.parametrize("radii", [(0, 1), (1, -1), (math.nan, 1), (math.inf, 1), (1, 1e30)])
def test_an_ellipse_of_nothing_is_refused(radii: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"finite|above 0"):
        ellipse_ring((0, 0), radii, 0)


def test_a_box_turned_about_its_corner_keeps_that_corner() -> None:
    corners = rotated_about_corner((10, 20), (30, 4), 90)
    np.testing.assert_allclose(corners, [[10, 20], [10, 50], [6, 50], [6, 20]], atol=1e-9)
