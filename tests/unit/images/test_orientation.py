"""The eight orientations: pixels, points and display matrices agree."""

from __future__ import annotations

import numpy as np
import pytest

from yolokit.images.orientation import (
    find_orientation,
    is_mirrored,
    is_transposed,
    orientation_of_matrix,
    turn_upright,
)

ONE = 1 << 16
# a, b, c, d of FFmpeg's display matrix: x' = a x + c y, y' = b x + d y
MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}


def matrix_of(orientation: int) -> list[int]:
    a, b, c, d = (ONE * value for value in MATRICES[orientation])
    return [a, b, 0, c, d, 0, 0, 0, 1 << 30]


@pytest.mark.parametrize("orientation", MATRICES)
def test_a_pixel_goes_where_the_matrix_says(orientation: int) -> None:
    stored = np.zeros((4, 6, 3), np.uint8)
    stored[1, 4] = 255
    a, b, c, d = MATRICES[orientation]
    seen = turn_upright(stored, orientation)
    # around the centre, where no shift is needed
    x, y = 4 - 2.5, 1 - 1.5
    centre = (seen.shape[1] - 1) / 2, (seen.shape[0] - 1) / 2
    assert seen[round(b * x + d * y + centre[1]), round(a * x + c * y + centre[0])].all()
    assert seen.sum() == 3 * 255


@pytest.mark.parametrize("orientation", MATRICES)
def test_a_display_matrix_is_recognised(orientation: int) -> None:
    assert orientation_of_matrix(matrix_of(orientation)) == orientation


@pytest.mark.parametrize(
    ("matrix", "expected"), [([0] * 9, 1), ([65000, 3000, 0, -3000, 65000, 0, 0, 0, 1], 1)]
)
def test_nonsense_and_slight_turns_change_nothing(matrix: list[int], expected: int) -> None:
    assert orientation_of_matrix(matrix) == expected


@pytest.mark.parametrize("orientation", MATRICES)
def test_each_is_found_by_what_it_does(orientation: int) -> None:
    mirrored_x, mirrored_y = is_mirrored(orientation)
    found = find_orientation(
        transposed=is_transposed(orientation), mirrored_x=mirrored_x, mirrored_y=mirrored_y
    )
    assert found == orientation
