"""Pictures as float32 arrays: OpenCV's filters with types and sizes stated, and noise."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

F32: TypeAlias = NDArray[np.float32]
U8: TypeAlias = NDArray[np.uint8]

_FIELD_PX = 1280  # side of the fields that pieces are taken from


def blur(picture: F32, sigma_px: float) -> F32:
    """Return the picture after a Gaussian filter."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)


def enlarge(picture: F32, wh_px: tuple[int, int]) -> F32:
    """Return the picture at a greater size, smooth between its pixels."""
    return np.asarray(cv2.resize(picture, wh_px, interpolation=cv2.INTER_CUBIC), np.float32)


def shrink(picture: F32 | U8, wh_px: tuple[int, int]) -> F32:
    """Return the picture at a smaller size, each pixel the mean of what it covers."""
    return np.asarray(cv2.resize(picture, wh_px, interpolation=cv2.INTER_AREA), np.float32)


def stack(planes: Sequence[F32]) -> F32:
    """Return (H, W, 3) from three (H, W) planes; faster than numpy on a last axis of three."""
    return np.asarray(cv2.merge(list(planes)), np.float32)


def tint(grey: F32, bgr: Sequence[float]) -> F32:
    """Return (H, W, 3) from a grey picture and a colour."""
    return stack([grey * np.float32(share) for share in bgr])


def smooth_step(value: F32, low: float, high: float) -> F32:
    """Return 0 below ``low``, 1 above ``high`` and a smooth ramp between."""
    share = np.clip((value - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    ramp: F32 = share * share * (np.float32(3) - share - share)
    return ramp


def white_noise(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return (H, W) noise of mean 0 and deviation 1; small ones are pieces of a fixed field."""
    wide, high = wh_px
    if max(wh_px) > _FIELD_PX // 2:
        return rng.standard_normal((high, wide), np.float32)
    return take_piece(_white_field(), wh_px, rng)


def cloud_noise(wh_px: tuple[int, int], cell_px: int, rng: np.random.Generator) -> F32:
    """Return (H, W) noise of about deviation 1 that changes over ``cell_px``."""
    wide, high = wh_px
    cells = rng.standard_normal((high // cell_px + 3, wide // cell_px + 3), np.float32)
    return enlarge(cells, wh_px)


def grain(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return a piece of fine roughness, about deviation 0.2."""
    return take_piece(_grain_field(), wh_px, rng)


def stains(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return a piece of soft stains, from 0 to 1."""
    return take_piece(_stain_field(), wh_px, rng)


def take_piece(field: F32, wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return a random piece of a field, a view."""
    wide, high = wh_px
    top = int(rng.integers(field.shape[0] - high + 1))
    left = int(rng.integers(field.shape[1] - wide + 1))
    return field[top : top + high, left : left + wide]


@functools.cache
def _white_field() -> F32:
    return np.random.default_rng(5).standard_normal((_FIELD_PX, _FIELD_PX), np.float32)


@functools.cache
def _grain_field() -> F32:
    return blur(_white_field(), 1.2)


@functools.cache
def _stain_field() -> F32:
    coarse = blur(np.random.default_rng(9).random((_FIELD_PX // 8,) * 2, np.float32), 1.2)
    soft = enlarge(coarse, (_FIELD_PX, _FIELD_PX))
    soft -= soft.min()
    soft /= soft.max()
    return soft
