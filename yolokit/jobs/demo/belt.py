"""Draws an empty belt."""

from __future__ import annotations

import cv2
import numpy as np

from yolokit.jobs.demo.raster import F32, cloud_noise, tint, white_noise

_COLOURS = (  # BGR of rubber and PVC belts
    (0.20, 0.20, 0.20),
    (0.26, 0.25, 0.23),
    (0.22, 0.30, 0.20),
    (0.36, 0.28, 0.16),
    (0.34, 0.36, 0.34),
    (0.42, 0.44, 0.42),
    (0.17, 0.21, 0.27),
)
_MIDDLE = 128  # grey that means no mark


def draw_belt(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Draw an empty belt: colour, ribs or weave, stains, scratches and crumbs.

    Args:
        wh_px: Width and height of the stretch.
        rng: Decides on everything.

    Returns:
        (H, W, 3) float32 BGR, 1 is white.
    """
    tone = _pattern(wh_px, rng)
    for noise, low, high in (
        (cloud_noise(wh_px, 120, rng), 0.03, 0.16),
        (cloud_noise(wh_px, 14, rng), 0.01, 0.06),
        (white_noise(wh_px, rng), 0.03, 0.10),
    ):
        tone += noise * np.float32(rng.uniform(low, high))
    tone += _marks(wh_px, rng)
    colour = np.array(_COLOURS[int(rng.integers(len(_COLOURS)))])
    colour *= rng.uniform(0.75, 1.35) * rng.uniform(0.92, 1.08, 3)
    return tint(np.maximum(tone, np.float32(0.1)), colour.tolist())


def _pattern(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return (H, W) about 1: ribs along or across the belt, a weave, diamonds, or nothing."""
    wide, high = wh_px
    turn = 2 * np.pi / rng.uniform(5, 26)
    strength = rng.uniform(0.04, 0.16)
    x = np.arange(wide)[None, :] * turn
    y = np.arange(high)[:, None] * turn
    along, across = strength * np.cos(x), np.cos(y)
    kind = int(rng.integers(5))
    tone = np.ones((high, wide), np.float32)
    if kind == 0:
        tone += (strength * across).astype(np.float32)
    elif kind == 1:
        tone += (along * np.cos(x) ** 2).astype(np.float32)
    elif kind == 2:
        tone += along.astype(np.float32) * across.astype(np.float32)
    elif kind == 3:
        # |cos a cos b| + |sin a sin b| is the greater of |cos(a + b)| and |cos(a - b)|.
        product = along.astype(np.float32) * across.astype(np.float32)
        other = (strength * np.sin(x)).astype(np.float32) * np.sin(y).astype(np.float32)
        tone += np.abs(product) + np.abs(other) - np.float32(strength * 0.8)
    return tone


def _marks(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return scratches, most of them along the belt, light and dark crumbs, and some seams."""
    wide, high = wh_px
    share = wide / 480  # of the picture that counts are meant for
    layer = np.full((high, wide), _MIDDLE, np.uint8)
    bright = rng.random() < 0.5
    for _ in range(int(rng.integers(0, 7) * share)):
        start = rng.uniform(0, (wide, high))
        ends = np.rint(np.array([start, start + rng.normal(0, (90, 12))]) * 16).astype(int)
        shade = _MIDDLE + int(rng.integers(15, 60)) * (1 if bright else -1)
        cv2.line(layer, ends[0].tolist(), ends[1].tolist(), shade, 1, cv2.LINE_AA, 4)
    for shade in (_MIDDLE - 75, _MIDDLE + 65):
        for x, y, size in rng.random((int(rng.integers(5, 40) * share), 3)).tolist():
            at = (int(x * wide * 16), int(y * high * 16))
            cv2.circle(layer, at, int(6 + 26 * size * size), shade, -1, cv2.LINE_AA, 4)
    if rng.random() < 0.15:
        seam = int(rng.uniform(0.1, 0.9) * wide)
        layer[:, seam : seam + 3] -= 38
    return (layer.astype(np.float32) - np.float32(_MIDDLE)) * np.float32(0.008)
