"""Boxes around masks equal those of pycocotools."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from yolokit.formats.toolkit.mask_codecs import box_of_mask

pycocotools = pytest.importorskip("pycocotools.mask")


def random_mask(seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 40, 2)
    mask = np.zeros((height, width), np.uint8)
    for _ in range(rng.integers(0, 4)):
        y, x = rng.integers(0, height), rng.integers(0, width)
        mask[y : y + rng.integers(1, 20), x : x + rng.integers(1, 20)] = 1
    return mask


def expected(mask: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[float, ...] | None:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("seed", range(40))
def test_run_lengths_as_a_list_and_as_a_compressed_string(seed: int) -> None:
    mask = random_mask(seed)
    encoded = pycocotools.encode(np.asfortranarray(mask))
    text = encoded["counts"].decode()
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]])))
    counts = np.diff(np.concatenate([[0], edges])).tolist()
    size = list(mask.shape)
    assert box_of_mask({"size": size, "counts": text}) == expected(mask)
    assert box_of_mask({"size": size, "counts": counts}) == expected(mask)


def test_a_full_mask() -> None:
    assert box_of_mask({"size": [3, 4], "counts": [0, 12]}) == (0, 0, 4, 3)


@pytest.mark.parametrize(
    "mask",
    [
        {"size": [3, 4], "counts": "!"},
        {"size": [3, 4], "counts": "o"},
        {"size": [3, 4], "counts": "o" * 100_000},
        {"size": [3, 4], "counts": [1, -1, 12]},
        {"size": [3, 4], "counts": [1.5, 10.5]},
        {"size": [3, 4], "counts": None},
        {"size": [3], "counts": [3]},
        {"size": ["3", 4], "counts": [12]},
        {"size": [0, 0], "counts": []},
        {"size": [10**9, 10**9], "counts": [10**18]},
        {"size": [3, 4], "counts": [2**80]},
        {},
        [[0, 0, 1, 1, float("nan"), 2]],
        [[0, 0, 1, 1]],
        [{"x": 1}],
        7,
    ],
)
def test_what_is_no_mask_is_refused(mask: Any) -> None:
    with pytest.raises(ValueError):
        box_of_mask(mask)
