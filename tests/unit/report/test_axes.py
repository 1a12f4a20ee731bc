"""Round numbers along axes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.report.axes import name_ticks, round_outwards, round_ticks, shorten, widen

FINITE = st.floats(-1e12, 1e12, allow_nan=False)


@pytest.mark.parametrize(
    ("low", "high", "count", "names"),
    [
        (0, 1, 5, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (0, 2.2, 5, ["0", "0.5", "1", "1.5", "2"]),
        (0.99, 1, 5, ["0.99", "0.992", "0.994", "0.996", "0.998", "1"]),
        (1e-7, 6e-7, 5, ["1e-7", "2e-7", "3e-7", "4e-7", "5e-7", "6e-7"]),
        (0, 3.4e6, 4, ["0", "1M", "2M", "3M"]),
        (0, 4200, 4, ["0", "2,000", "4,000"]),
        (1.25e6, 1.26e6, 4, ["1.25M", "1.2525M", "1.255M", "1.2575M", "1.26M"]),
    ],
)
def test_ticks(low: float, high: float, count: int, names: list[str]) -> None:
    assert name_ticks(round_ticks(low, high, count)) == names


def test_whole_ticks() -> None:
    assert round_ticks(1, 3, 6, whole=True) == [1, 2, 3]
    assert round_ticks(1, 30, 6, whole=True) == [5, 10, 15, 20, 25, 30]


@given(FINITE, FINITE)
def test_any_range_has_few_ticks_that_lie_within_it(one: float, other: float) -> None:
    low, high = round_outwards(min(one, other), max(one, other), 5)
    assert low < high
    slack = (high - low) * 1e-6
    assert low <= min(one, other) + slack
    assert high >= max(one, other) - slack
    ticks = round_ticks(low, high, 5)
    assert 2 <= len(ticks) <= 12
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert len(set(name_ticks(ticks))) == len(ticks)


@given(FINITE)
def test_one_value_gets_room(value: float) -> None:
    low, high = widen(value, value)
    assert low < value < high
    assert math.isfinite(high - low)


def test_shorten_keeps_both_ends() -> None:
    assert shorten("short", 8) == "short"
    assert shorten("a rather long name", 9) == "a ra…name"
