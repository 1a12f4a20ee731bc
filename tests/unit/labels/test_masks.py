"""Outlines of masks cover exactly their pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from yolokit.core.types import Bool
from yolokit.labels.masks import (
    MAX_MASK_PIXELS,
    decode_runs,
    mask_to_shape,
    trace_mask,
)
from yolokit.labels.shapes import ring_area


def random_mask(seed: int) -> Bool:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.random(rng.integers(1, 12, 2)) < rng.random())


@pytest.mark.parametrize("seed", range(60))
def test_outlines_cover_the_pixels_of_each_region(seed: int) -> None:
    mask = random_mask(seed)
    rings = trace_mask(mask)
    assert sum(ring_area(ring) for ring in rings) == mask.sum()
    regions = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1
    assert sum(ring_area(ring) > 0 for ring in rings) == regions
    for ring in rings:
        sides = np.roll(ring, -1, axis=0) - ring
        assert ((sides != 0).sum(axis=1) == 1).all(), "each side is parallel to an axis"
        turns = (sides * np.roll(sides, -1, axis=0)).sum(axis=1)
        assert (turns == 0).all(), "each point is a corner"


def test_holes_are_filled_and_that_is_said() -> None:
    mask = np.ones((5, 6), np.bool_)
    mask[2, 2:4] = False
    shape = mask_to_shape(mask, (10, 20))
    assert shape is not None
    assert shape.xyxy == [10, 20, 16, 25]
    assert shape.remark == "mask-to-polygon: traced along its pixels; 1 hole filled"
    assert mask_to_shape(np.zeros((3, 3), np.bool_)) is None


def encode_runs(mask: Bool, *, by: str) -> list[int]:
    """The run lengths of a mask, background first."""
    values = (mask.T if by == "columns" else mask).reshape(-1)
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    runs: list[int] = np.diff(np.concatenate([[0], changes, [len(values)]])).tolist()
    return [0, *runs] if values[0] else runs


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("by", ["rows", "columns"])
def test_run_lengths_there_and_back(seed: int, by: str) -> None:
    mask = random_mask(seed)
    found = decode_runs(encode_runs(mask, by=by), (mask.shape[0], mask.shape[1]), by=by)
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize(
    ("runs", "shape"),
    [([3], (2, 2)), ([-1, 5], (2, 2)), ([1 << 62, 1 << 62], (2, 2)), ([], (0, 0))],
)
def test_run_lengths_that_do_not_fit_are_refused(runs: list[int], shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="mask"):
        decode_runs(runs, shape)


def test_a_size_that_nobody_draws_is_refused_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match="not decoded"):
        decode_runs([MAX_MASK_PIXELS + 1], (1, MAX_MASK_PIXELS + 1))
