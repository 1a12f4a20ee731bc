"""Values of JSON that nobody has checked."""

from __future__ import annotations

from typing import Any

import pytest

from yolokit.formats.toolkit.json_values import read_size


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"width": 4, "height": 3}, (4, 3)),
        ({"width": 4, "height": 0}, (None, None)),
        ({"width": 1 << 31, "height": 3}, (None, None)),
        ({"width": 4.0, "height": 3}, (None, None)),
        ({"width": 4}, (None, None)),
        ([4, 3], (None, None)),
        (None, (None, None)),
    ],
)
def test_a_size_is_two_usable_whole_numbers(value: Any, size: tuple[int | None, ...]) -> None:
    assert read_size(value) == size
