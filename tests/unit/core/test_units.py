"""Quantities as people read them."""

from __future__ import annotations

import math

import pytest

from yolokit.core.units import (
    describe_change,
    describe_number,
    describe_rate,
    describe_seconds,
    describe_share,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.04, "0 s"),
        (0.42, "0.4 s"),
        (3, "3 s"),
        (9.97, "10 s"),
        (59.6, "1 min 00 s"),
        (75, "1 min 15 s"),
        (3725, "1 h 02 min"),
        (4320, "1 h 12 min"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert describe_seconds(seconds) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0.43, "0.43"), (0, "0"), (2, "2"), (9.97, "10"), (54.3, "54"), (12_345, "12,345")],
)
def test_rates(rate: float, words: str) -> None:
    assert describe_rate(rate, "images") == f"{words} images/s"


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 5, "0%"),
        (5, 5, "100%"),
        (1, 3, "33%"),
        (1, 1000, "<1%"),
        (999, 1000, ">99%"),
        (0, 0, "-"),
    ],
)
def test_shares(part: int, whole: int, words: str) -> None:
    assert describe_share(part, whole) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1, "1"),
        (0.5, "0.5"),
        (0.54649, "0.546"),
        (12.34, "12.3"),
        (999.7, "1,000"),
        (1234.5, "1,234"),
        (320_000, "320,000"),
        (999_999.9, "1,000,000"),
        (3_400_000, "3.4M"),
        (999_999_999, "1G"),
        (2_612_345_678, "2.61G"),
        (9.999, "10"),
        (0.0001234, "0.000123"),
        (1e-7, "1e-7"),
        (1.25e-5, "1.25e-5"),
        (-3e15, "-3e15"),
        (math.nan, "-"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
    ],
)
def test_numbers(value: float, words: str) -> None:
    assert describe_number(value) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [(-0.0123, "-0.0123"), (0.00191, "+0.0019"), (-0.00001, "0.0000"), (0.0, "0.0000")],
)
def test_changes(change: float, words: str) -> None:
    assert describe_change(change) == words
