"""Colours can be read on both pages, and told apart by everybody."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from yolokit.core.types import F64
from yolokit.report.palette import COLORS, DASHES, MARKERS, SERIES

LIGHT, DARK = 0, 1
TEXT = ("text", "muted", "link")
LINES = ("axis", "good", "neutral", "warning", "bad", *SERIES)

# What people see without one kind of cone, in linear light. Source: Machado, Oliveira and
# Fernandes 2009, severity 1.
SIGHTS = {
    "all cones": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
    "no blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
         [0.004733, 0.691367, 0.303900]]
    ),
}  # fmt: skip
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)  # fmt: skip


def linear(color: str) -> F64:
    """Return a colour in linear light, as WCAG 2 defines it."""
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(color) @ TO_XYZ[1]) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(light: F64) -> F64:
    """Return a colour in CIELAB, where distances are about as large as they look."""
    xyz = (TO_XYZ @ np.clip(light, 0, 1)) / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_is_computed_as_it_is_defined() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("page", [LIGHT, DARK])
@pytest.mark.parametrize("ground", ["page", "surface"])
def test_text_and_lines_stand_out(page: int, ground: str) -> None:
    behind = COLORS[ground][page]
    assert {name: contrast(COLORS[name][page], behind) >= 4.5 for name in TEXT} == dict.fromkeys(
        TEXT, True
    )
    assert {name: contrast(COLORS[name][page], behind) >= 3 for name in LINES} == dict.fromkeys(
        LINES, True
    )


@pytest.mark.parametrize("page", [LIGHT, DARK])
def test_a_number_on_the_fullest_cell_can_be_read(page: int) -> None:
    assert contrast(COLORS["text"][page], COLORS["heat"][page]) >= 4.5


@pytest.mark.parametrize("page", [LIGHT, DARK])
@pytest.mark.parametrize("sight", SIGHTS)
def test_series_can_be_told_apart(page: int, sight: str) -> None:
    seen = [lab(SIGHTS[sight] @ linear(COLORS[name][page])) for name in SERIES]
    closest = min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2))
    assert closest > 20, "2.3 can just be seen"


def test_each_colour_has_a_dash_and_a_marker_of_its_own() -> None:
    assert len(SERIES) == len(set(DASHES)) == len(set(MARKERS))
