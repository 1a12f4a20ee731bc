"""Draws a part: its surface from its heights, its colour from material and lamp, its shadow.

Pixels may differ between versions of OpenCV; labels never depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING

import cv2
import numpy as np

from yolokit.jobs.demo.material import BALL_PX, INSERTS, MATERIALS, TINTS
from yolokit.jobs.demo.raster import F32, U8, blur, grain, shrink, stack, stains, tint

if TYPE_CHECKING:
    from yolokit.jobs.demo.material import Lamp, Studio
    from yolokit.jobs.demo.shape import Layer, Placed

_SAMPLES = 2  # per px and direction
_SHIFT = 4  # fixed-point bits of OpenCV's polygon coordinates
# OpenCV fills 0.7 samples over the outline on each side: the outer half of its soft edge goes.
_THINNER: U8 = np.maximum(np.arange(256) * 2 - 255, 0).astype(np.uint8)
_RINGS: F32 = np.random.default_rng(7).normal(0, 0.13, 256).astype(np.float32)


def draw_part(canvas: F32, placed: Placed, studio: Studio, rng: np.random.Generator) -> None:
    """Draw one part with its shadow onto a canvas, in place.

    Args:
        canvas: (H, W, 3) float32 BGR, 1 is white.
        placed: The part; it may reach over the edge.
        studio: The light.
        rng: Decides on material, dirt and small tilt.
    """
    x1, y1, x2, y2 = placed.extent_px
    left, top = floor(x1) - 2, floor(y1) - 2
    wh_px = (ceil(x2) + 2 - left, ceil(y2) + 2 - top)
    relief = _build_relief(placed, (left, top), wh_px)
    patch = shrink(_shade(relief, placed, studio, rng), wh_px)
    alpha = shrink(relief.cover, wh_px) * np.float32(1 / 255)
    height_px = float(relief.height.max()) / _SAMPLES
    _cast_shadow(canvas, alpha, (left, top), height_px, studio.lamp)
    _blend(canvas, patch, alpha, (left, top))


@dataclass(frozen=True, slots=True, eq=False)
class _Relief:
    """A part's surface, (H, W) arrays at ``_SAMPLES`` a px.

    Attributes:
        height: float32 above the belt, in samples.
        cover: uint8 share that the part covers, 255 is all.
        tint: uint8 index into ``TINTS``.
        rings: Slopes that turning left, or None.
        ink: Share of the light that print leaves, or None.
    """

    height: F32
    cover: U8
    tint: U8
    rings: tuple[F32, F32] | None
    ink: F32 | None


def _build_relief(placed: Placed, origin: tuple[int, int], wh_px: tuple[int, int]) -> _Relief:
    shape = (wh_px[1] * _SAMPLES, wh_px[0] * _SAMPLES)
    height = np.zeros(shape, np.float32)
    cover = np.zeros(shape, np.uint8)
    tints = np.zeros(shape, np.uint8)
    x, y = _centred_grid(placed, origin, shape)
    for layer in placed.shape:
        mask = _fill(layer, origin, shape)
        inside = mask > 127
        np.copyto(height, _level(layer, placed, mask, x, y), where=inside)
        tints[inside] = TINTS.index(layer.tint)
        if not layer.detail:
            np.maximum(cover, mask, out=cover)
    finishes = {layer.finish for layer in placed.shape}
    rings = _turned_rings(x, y) if "spun" in finishes else None
    ink = _ink(*_own_axes(placed, x, y), placed.size_px) if "print" in finishes else None
    return _Relief(height, cover, tints, rings, ink)


def _centred_grid(
    placed: Placed, origin: tuple[int, int], shape: tuple[int, int]
) -> tuple[F32, F32]:
    """Return x (1, W) and y (H, 1) of the samples in px from the part's centre."""
    x = (np.arange(shape[1]) + 0.5) / _SAMPLES + (origin[0] - placed.centre_px[0])
    y = (np.arange(shape[0]) + 0.5) / _SAMPLES + (origin[1] - placed.centre_px[1])
    return x.astype(np.float32)[None, :], y.astype(np.float32)[:, None]


def _own_axes(placed: Placed, x: F32, y: F32) -> tuple[F32, F32]:
    """Return px along and across the part from px in the picture."""
    (ux, uy), (vx, vy) = (map(np.float32, axis) for axis in placed.axes)
    return x * ux + y * uy, x * vx + y * vy


def _fill(layer: Layer, origin: tuple[int, int], shape: tuple[int, int]) -> U8:
    """Return the layer's outline filled, smooth at the edge."""
    mask = np.zeros(shape, np.uint8)
    scale = _SAMPLES * (1 << _SHIFT)
    # OpenCV's pixel centres are whole numbers, ours lie at one half.
    offset = np.array(origin) + 0.5 / _SAMPLES
    for outlines, value in ((layer.solids, 255), (layer.holes, 0)):
        for outline in outlines:
            fixed = np.rint((outline - offset) * scale).astype(np.int32)
            cv2.fillPoly(mask, [fixed], value, cv2.LINE_AA, _SHIFT)
    return np.asarray(cv2.LUT(mask, _THINNER), np.uint8)


def _level(layer: Layer, placed: Placed, mask: U8, x: F32, y: F32) -> F32:
    """Return the layer's height in samples: round edges by the distance to its outline."""
    solid = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
    distance = np.asarray(cv2.distanceTransform(solid, cv2.DIST_L2, 5), np.float32)
    bevel = max(layer.bevel * _SAMPLES, 1.0)
    share = np.minimum(distance * np.float32(1 / bevel), np.float32(1))
    level: F32 = np.sqrt(share * (np.float32(2) - share)) * np.float32(layer.rise * _SAMPLES)
    level += np.float32(layer.base * _SAMPLES)
    if layer.slope_xy != (0.0, 0.0):
        slope_x, slope_y = (np.float32(slope * _SAMPLES) for slope in layer.slope_xy)
        level += x * slope_x + y * slope_y
    if layer.finish == "thread":
        level += _thread(*_own_axes(placed, x, y), layer.rise)
    return level


def _thread(along: F32, across: F32, radius_px: float) -> F32:
    """Return the ridges of a thread in samples; half a turn from one edge to the other."""
    pitch_px = radius_px * 0.42
    phase = along * np.float32(1 / pitch_px) + across * np.float32(0.25 / radius_px)
    ridge = np.abs(phase - np.floor(phase) - np.float32(0.5))
    return ridge * np.float32(pitch_px * 0.75 * _SAMPLES)


def _turned_rings(x: F32, y: F32) -> tuple[F32, F32]:
    """Return the slopes of the fine rings that turning leaves."""
    radius = np.sqrt(x * x + y * y) + np.float32(0.01)
    rings = _RINGS[(radius * np.float32(3)).astype(np.int32) % len(_RINGS)] / radius
    return x * rings, y * rings


def _ink(along: F32, across: F32, size_px: float) -> F32:
    """Return the light that lines of print on a paper leave."""
    line = np.floor(across / np.float32(size_px * 0.07))
    word = np.floor(along / np.float32(size_px * 0.05))
    hashed = np.abs(np.sin(word * np.float32(12.99) + line * np.float32(78.2))) * np.float32(4375)
    dark = (hashed - np.floor(hashed) > np.float32(0.35)) & (line % np.float32(2) == 0)
    dark &= np.abs(along) < np.float32(size_px * 0.3)
    return np.where(dark, np.float32(0.5), np.float32(1.0))


def _shade(relief: _Relief, placed: Placed, studio: Studio, rng: np.random.Generator) -> F32:
    """Return the lit surface, (H, W, 3) float32 at the samples of the relief."""
    name = placed.kind.materials[int(rng.integers(len(placed.kind.materials)))]
    insert = INSERTS[int(rng.integers(len(INSERTS)))]
    height = blur(relief.height, 0.8)
    wh = (height.shape[1], height.shape[0])
    rough = grain(wh, rng) * np.float32(MATERIALS[name].roughness)
    slope_x = _slope(height, (1, 0), tilt=rng.normal(0, 0.07)) + rough
    slope_y = _slope(height, (0, 1), tilt=rng.normal(0, 0.07)) + rough
    if relief.rings is not None and MATERIALS[name].is_metal:
        slope_x += relief.rings[0]
        slope_y += relief.rings[1]
    colour = _look_up(studio.balls(name, insert), slope_x, slope_y, relief.tint)
    light = _light_in_hollows(height, placed.size_px * _SAMPLES)
    light *= np.float32(1) - stains(wh, rng) * np.float32(rng.uniform(0.0, 0.45))
    if relief.ink is not None:
        light *= relief.ink
    colour *= tint(light, (rng.normal(1.0, 0.04, 3) * rng.uniform(0.88, 1.12)).tolist())
    return colour


def _slope(height: F32, axis: tuple[int, int], *, tilt: float) -> F32:
    """Return how the height grows along an axis, with the tilt of the whole part."""
    return np.asarray(cv2.Sobel(height, cv2.CV_32F, *axis, scale=0.125, delta=tilt), np.float32)


def _look_up(balls: F32, slope_x: F32, slope_y: F32, tints: U8) -> F32:
    """Return the colour that the ball of each sample's tint has where its normal is the same."""
    radius, middle = np.float32(BALL_PX / 2 - 1), np.float32(BALL_PX / 2 - 0.5)
    scale = radius / np.sqrt(slope_x * slope_x + slope_y * slope_y + np.float32(1))
    ball_x = middle - slope_x * scale + tints * np.float32(BALL_PX)
    ball_y = middle - slope_y * scale
    return np.asarray(cv2.remap(balls, ball_x, ball_y, cv2.INTER_LINEAR), np.float32)


def _light_in_hollows(height: F32, size: float) -> F32:
    """Return the share of the room's light that reaches each sample: less below its neighbours."""
    reach = int(size * 0.08) | 1
    hollow = np.asarray(cv2.blur(height, (reach, reach)), np.float32) - height
    light: F32 = np.clip(np.float32(1) - hollow * np.float32(8.8 / size), 0.35, 1.08)
    return light


def _cast_shadow(
    canvas: F32, alpha: F32, origin: tuple[int, int], height_px: float, lamp: Lamp
) -> None:
    """Darken the canvas where the part keeps the light away: a soft cast and a tight contact."""
    lx, ly, lz = lamp.towards
    length_px = min(height_px, 18.0) * 0.8
    move = (-lx / lz * length_px, -ly / lz * length_px)
    margin = ceil(max(abs(move[0]), abs(move[1])) + 8)
    wide = np.pad(alpha, margin)
    matrix = np.array([[1, 0, move[0]], [0, 1, move[1]]])
    cast = np.asarray(cv2.warpAffine(wide, matrix, wide.shape[::-1]), np.float32)
    dark = np.maximum(blur(cast, 1.2 + 0.12 * length_px), blur(wide, 2.0) * np.float32(0.7))
    dark *= np.float32(lamp.shadow)
    _blend(canvas, None, dark, (origin[0] - margin, origin[1] - margin))


def _blend(canvas: F32, patch: F32 | None, alpha: F32, origin: tuple[int, int]) -> None:
    """Lay a patch (None is black) over the canvas where they meet."""
    left, top = max(origin[0], 0), max(origin[1], 0)
    right = min(origin[0] + alpha.shape[1], canvas.shape[1])
    bottom = min(origin[1] + alpha.shape[0], canvas.shape[0])
    if right <= left or bottom <= top:
        return
    rows = slice(top - origin[1], bottom - origin[1])
    columns = slice(left - origin[0], right - origin[0])
    share = stack([alpha[rows, columns]] * 3)
    target = canvas[top:bottom, left:right]
    target *= np.float32(1) - share
    if patch is not None:
        share *= patch[rows, columns]
        target += share
