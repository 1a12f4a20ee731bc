"""Values of JSON that may be anything."""

from __future__ import annotations

from typing import Any

import pytest

from yolokit.formats.toolkit.json_file import (
    as_dict,
    as_list,
    as_number,
    as_numbers,
    as_size,
    as_text,
    read_size,
)


@pytest.mark.parametrize("value", ["1", None, True, [], {}, 10**400])
def test_what_is_no_number_is_named(value: Any) -> None:
    with pytest.raises(ValueError, match="`x` is"):
        as_number(value, "`x`")


def test_numbers_under_keys() -> None:
    assert as_numbers({"x": 1, "y": 2.5}, "y", "x") == [2.5, 1.0]
    with pytest.raises(ValueError, match="`z` is missing"):
        as_numbers({"x": 1}, "x", "z")


@pytest.mark.parametrize("width", [0, -3, None, "4", float("nan"), float("inf"), 1 << 40, 10**400])
def test_a_size_that_is_not_usable(width: Any) -> None:
    assert as_size(width, 5) == (None, None)
    assert as_size(5, width) == (None, None)
    assert as_size(5.0, 6) == (5, 6)


def test_other_types_become_empty() -> None:
    assert (as_dict([1]), as_list({}), as_text(1.5), as_text(True)) == ({}, [], "", "")
    assert (as_dict({"a": 1}), as_list([1]), as_text(" a "), as_text(3)) == (
        {"a": 1},
        [1],
        "a",
        "3",
    )


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
