"""A hash of what a picture shows, which resizing and recompressing change in few bits.

Each of its 128 bits says whether brightness grows from one cell of a coarse grid to its
neighbour: the first 64 to the right, the others downwards.

Source: Krawetz: Kind of Like That (2013), the difference hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from yolokit.core.types import F32, U8

HASH_BITS = 128
_SIDE = 8
_ROWS_READ = 96  # twelve for each cell: more would not change its mean
_SMALL_PX = 72
_NOISE_LEVELS = 1.0
_LEAST_TOLD = HASH_BITS // 4


def hash_pixels(pixels: U8) -> U8 | None:
    """Return the difference hash of a picture.

    Args:
        pixels: (H, W) grey or (H, W, 3) BGR, upright.

    Returns:
        (128,) uint8 of 0 and 1; None for a flat picture, whose bits would be those of its noise:
        fewer than a quarter of the neighbours differ by a grey level.
    """
    import cv2

    grey = _shrink(pixels)
    wide = cv2.resize(grey, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA)
    tall = cv2.resize(grey, (_SIDE, _SIDE + 1), interpolation=cv2.INTER_AREA)
    growth = np.concatenate([(wide[:, 1:] - wide[:, :-1]).ravel(), (tall[1:] - tall[:-1]).ravel()])
    if np.count_nonzero(np.abs(growth) >= _NOISE_LEVELS) < _LEAST_TOLD:
        return None
    return (growth > 0).view(np.uint8)


def mirror_hashes(hashes: U8) -> U8:
    """Return the (N, 128) hashes that the pictures of (N, 128) have when left and right change."""
    grids = hashes.reshape(-1, 2, _SIDE, _SIDE)[..., ::-1].copy()
    grids[:, 0] ^= 1  # what grew to the right now falls
    return grids.reshape(-1, HASH_BITS)


def _shrink(pixels: U8) -> F32:
    """Return a small grey picture: some of the rows, halved once, which costs next to nothing."""
    import cv2

    step = max(1, len(pixels) // _ROWS_READ)
    some = pixels[step // 2 :: step]
    grey = cast("U8", cv2.cvtColor(some, cv2.COLOR_BGR2GRAY)) if some.ndim == 3 else some
    height, width = grey.shape
    if min(height, width) >= _ROWS_READ:
        height, width = height // 2, width // 2
        even = grey[: height * 2, : width * 2]
        grey = cast("U8", cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA))
    wh = min(width, _SMALL_PX), min(height, _SMALL_PX)
    return cv2.resize(grey, wh, interpolation=cv2.INTER_AREA).astype(np.float32)
