"""Ellipses as outlines, and boxes turned about a corner."""

from __future__ import annotations

import math

import numpy as np
import pytest

from yolokit.labels.ellipse import ellipse_ring, ellipse_shape, rotated_about_corner
from yolokit.labels.shapes import enclosing_box, ring_area


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
