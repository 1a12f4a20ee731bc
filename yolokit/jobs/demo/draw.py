"""Draws scenes: the belt, the parts under one lamp, and what the camera makes of them.

OpenCV rasterises, filters and resamples. A part is drawn at twice the resolution, as heights and
colours whose slopes catch the light, and shrunk by area. Equal seeds give equal pixels, up to the
last bits between versions of OpenCV and numpy; labels never depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F32, F64, I64, U8
    from yolokit.jobs.demo.scene import Placed, Scene
    from yolokit.jobs.demo.shapes import Layer

# BGR in [0, 1], and how metallic it is: 1 mirrors lamp and room, 0 scatters light evenly.
MATERIALS = {
    "steel": ((0.72, 0.71, 0.70), 1.0),
    "zinc": ((0.82, 0.80, 0.74), 0.8),
    "brass": ((0.30, 0.62, 0.80), 0.9),
    "copper": ((0.36, 0.50, 0.80), 0.9),
    "black": ((0.17, 0.155, 0.15), 0.8),
    "nylon": ((0.80, 0.85, 0.86), 0.1),
    "red": ((0.14, 0.12, 0.74), 0.3),
    "orange": ((0.10, 0.42, 0.88), 0.3),
    "yellow": ((0.12, 0.72, 0.88), 0.3),
    "green": ((0.24, 0.55, 0.18), 0.3),
    "blue": ((0.70, 0.34, 0.12), 0.3),
    "paper": ((0.84, 0.88, 0.90), 0.0),
    "wood": ((0.36, 0.52, 0.66), 0.0),
}
_BELTS_BGR = (  # rubber and PVC
    (0.20, 0.20, 0.20), (0.26, 0.25, 0.23), (0.22, 0.30, 0.20), (0.36, 0.28, 0.16),
    (0.34, 0.36, 0.34), (0.42, 0.44, 0.42), (0.17, 0.21, 0.27),
)  # fmt: skip
_DARK = 0.34  # share of the light at the bottom of a hollow
_SAMPLES = 2  # per px and direction
_SHIFT = 4  # fixed-point bits of OpenCV's coordinates
_REACH_PX = 16  # a shadow ends within this distance of its part
_KNEE = 0.72  # of white; above it the sensor gains half as much


@dataclass(frozen=True, slots=True)
class Lamp:
    """Unit vector from the belt to the lamp (x right, y down, z up), and how dark shadows are."""

    towards: tuple[float, float, float]
    shadow: float


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Light on each pixel, (H, W, 3); sigma of the lens; deviation of the noise, 1 is white."""

    gain: F32
    blur_px: float
    noise: float


def draw_views(
    scene: Scene, look_key: Sequence[int], windows_xyxy: Sequence[tuple[int, int, int, int]]
) -> Iterator[U8]:
    """Draw a scene once, and yield what the camera sees of it in each window.

    Args:
        scene: What lies where.
        look_key: Seed of belt, light, camera, materials and noise.
        windows_xyxy: Parts of the scene in px, all of one size.

    Yields:
        (H, W, 3) uint8 BGR of a window's size.
    """
    canvas = draw_scene(scene, look_key)
    rng = np.random.default_rng([*look_key, 1])
    left, top, right, bottom = windows_xyxy[0]
    camera = _make_camera((right - left, bottom - top), rng)
    for left, top, right, bottom in windows_xyxy:
        yield take_picture(canvas[top:bottom, left:right], camera, rng)


def draw_scene(scene: Scene, look_key: Sequence[int]) -> F32:
    """Draw the belt and all on it, (H, W, 3) float32 BGR where 1 is white, before the camera."""
    rng = np.random.default_rng([*look_key, 0])
    canvas = _draw_belt(scene.wh_px, rng)
    lamp = _hang_lamp(rng)
    for thing in scene.things:
        draw_part(canvas, thing, lamp, rng)
    return canvas


def _hang_lamp(rng: np.random.Generator) -> Lamp:
    turn, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 1.8)
    length = np.hypot(1, height)
    towards = (float(np.cos(turn) / length), float(np.sin(turn) / length), float(height / length))
    return Lamp(towards, shadow=rng.uniform(0.45, 0.75))


def _draw_belt(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Draw an empty belt: colour, ribs or weave, stains, grain, scratches and crumbs."""
    wide, high = wh_px
    turn = 2 * np.pi / rng.uniform(5, 26)
    along, across = np.cos(np.arange(wide) * turn)[None, :], np.cos(np.arange(high) * turn)[:, None]
    patterns = (along, across, along * across, along**3, along * 0)
    tone = np.ones((high, wide), np.float32)
    tone += (rng.uniform(0.04, 0.16) * patterns[rng.integers(len(patterns))]).astype(np.float32)
    for cell_px, least, most in ((120, 0.03, 0.16), (14, 0.01, 0.06), (1, 0.03, 0.10)):
        tone += _noise(wh_px, cell_px, rng) * np.float32(rng.uniform(least, most))
    _scratch(tone, rng)
    colour = np.array(_BELTS_BGR[rng.integers(len(_BELTS_BGR))]) * rng.uniform(0.92, 1.08, 3)
    return _tinted(np.maximum(tone, np.float32(0.1)), colour * rng.uniform(0.75, 1.35))


def _scratch(tone: F32, rng: np.random.Generator) -> None:
    """Draw scratches, most of them along the belt, and light and dark crumbs, in place."""
    high, wide = tone.shape
    share = wide / 480  # of the picture that counts are meant for
    for _ in range(int(rng.integers(0, 7) * share)):
        start = rng.uniform(0, (wide, high))
        end = start + rng.normal(0, (90, 12))
        cv2.line(tone, start.astype(int).tolist(), end.astype(int).tolist(), rng.uniform(0.6, 1.4))
    for x, y, size in rng.random((int(rng.integers(10, 80) * share), 3)).tolist():
        at = (int(x * wide * 16), int(y * high * 16))
        cv2.circle(tone, at, int(6 + 26 * size * size), float(rng.choice((0.4, 1.5))), -1, 8, 4)


def draw_part(canvas: F32, part: Placed, lamp: Lamp, rng: np.random.Generator) -> None:
    """Draw one part with its shadow onto a canvas, (H, W, 3) float32 BGR where 1 is white.

    It may reach over the edge. The generator decides on material, grain and tilt.
    """
    high, wide = canvas.shape[:2]
    low = np.maximum(np.floor(part.extent_px[:2]) - _REACH_PX, 0).astype(int)
    end = np.minimum(np.ceil(part.extent_px[2:]) + _REACH_PX, (wide, high)).astype(int)
    wh_px = (end - low).tolist()
    if min(wh_px) <= 0:
        return
    bgr, metallic = MATERIALS[rng.choice(part.kind.materials)]
    relief = _raise_relief(part, low, wh_px, bgr)
    shaded = _shade(relief, metallic, lamp, rng)
    cover = _shrunk(relief.cover, wh_px) * np.float32(1 / 255)
    view = canvas[low[1] : end[1], low[0] : end[0]]
    shadow = _shadow(cover, float(relief.height.max()) / _SAMPLES, lamp)
    view *= 1 - _tinted(shadow, (1, 1, 1))
    view += _tinted(cover, (1, 1, 1)) * (_shrunk(shaded, wh_px) - view)


@dataclass(frozen=True, slots=True, eq=False)
class _Relief:
    """A part's surface at ``_SAMPLES`` a px.

    Attributes:
        height: (H, W) float32 above the belt, in samples.
        bgr: (H, W, 3) float32 colours in [0, 1].
        cover: (H, W) uint8 share that the part covers, 255 is all.
    """

    height: F32
    bgr: F32
    cover: U8


def _raise_relief(
    part: Placed, origin: I64, wh_px: Sequence[int], bgr: tuple[float, float, float]
) -> _Relief:
    """Lay the part's layers on each other; the window begins at ``origin``, scene px."""
    shape = (wh_px[1] * _SAMPLES, wh_px[0] * _SAMPLES)
    relief = _Relief(
        np.zeros(shape, np.float32), np.zeros((*shape, 3), np.float32), np.zeros(shape, np.uint8)
    )
    for layer in part.shape:
        mask = _fill(part, layer, origin, shape)
        inside = mask > 127
        np.copyto(relief.height, _level(part, layer, mask, origin), where=inside)
        colour = bgr if layer.tint in ("", "dark") else MATERIALS[layer.tint][0]
        relief.bgr[inside] = np.array(colour) * (_DARK if layer.tint == "dark" else 1.0)
        if not layer.detail:
            np.maximum(relief.cover, mask, out=relief.cover)
    return relief


def _fill(part: Placed, layer: Layer, origin: I64, shape: tuple[int, int]) -> U8:
    """Return the layer's outline filled, smooth at the edge."""
    mask = np.zeros(shape, np.uint8)
    # OpenCV's pixel centres are whole numbers, ours lie at one half.
    offset = origin + 0.5 / _SAMPLES
    for outlines, value in ((layer.solids, 255), (layer.holes, 0)):
        for outline in outlines:
            fixed = np.rint((part.to_px(outline) - offset) * (_SAMPLES << _SHIFT)).astype(np.int32)
            cv2.fillPoly(mask, [fixed], value, cv2.LINE_AA, _SHIFT)
    # OpenCV fills 0.7 samples over the outline on each side: the outer half of its edge goes.
    return np.maximum(mask.astype(np.int16) * 2 - 255, 0).astype(np.uint8)


def _level(part: Placed, layer: Layer, mask: U8, origin: I64) -> F32:
    """Return the layer's height in samples: round edges by the distance to its outline."""
    size = part.size_px * _SAMPLES
    solid = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
    distance = cv2.distanceTransform(solid, cv2.DIST_L2, 5)
    share = np.minimum(distance / max(layer.bevel * size, 1.0), 1.0)
    level = np.sqrt(share * (2 - share)) * (layer.rise * size) + layer.base * size
    if layer.thread:
        rows, columns = np.indices(mask.shape, np.float32)
        xy = np.stack((columns, rows), axis=-1) / _SAMPLES + (origin - part.centre_px)
        own = xy.astype(np.float32) @ part.axes.T.astype(np.float32) / part.size_px
        phase = own[..., 0] / layer.thread + own[..., 1] / (4 * layer.rise)
        level += np.abs(phase - np.floor(phase) - 0.5) * (layer.thread * 0.75 * size)
    return np.asarray(level, np.float32)


def _shade(relief: _Relief, metallic: float, lamp: Lamp, rng: np.random.Generator) -> F32:
    """Return the lit surface, (H, W, 3) float32: lamp, highlight, and the room in a mirror."""
    height = cv2.GaussianBlur(relief.height, (0, 0), 0.8)
    rough = _noise(height.shape[::-1], 2, rng) * np.float32(0.01 + 0.04 * metallic)
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125, delta=rng.normal(0, 0.07)) + rough
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125, delta=rng.normal(0, 0.07)) + rough
    nz = 1 / np.sqrt(slope_x * slope_x + slope_y * slope_y + 1)
    lx, ly, lz = lamp.towards
    flat = -(slope_x * np.float32(lx) + slope_y * np.float32(ly)) * nz
    lit = np.maximum(flat + nz * np.float32(lz), 0)
    half = (flat + nz * np.float32(lz + 1)) / np.float32(np.hypot(np.hypot(lx, ly), lz + 1))
    # A bright ceiling, a softbox on the lamp's side, dark walls opposite.
    side = 2 * nz * flat / np.float32(np.hypot(lx, ly))
    room = 0.3 + 0.55 * np.maximum(2 * nz * nz - 1, 0) + 0.4 * cv2.pow(side, 3)
    light = 0.14 + (0.7 - 0.3 * metallic) * lit + (0.1 + 0.5 * metallic) * room
    shine = cv2.pow(np.maximum(half, 0), 28) * np.float32(0.1 + 0.6 * metallic)
    # Less light reaches what lies below its neighbours.
    hollow = cv2.blur(height, (9, 9)) - height
    light *= np.clip(1 - 0.045 * hollow, 0.35, 1.08) * rng.uniform(0.88, 1.12)
    colour = relief.bgr * rng.normal(1.0, 0.04, 3).astype(np.float32)
    return np.asarray(
        colour * light[..., None] + (0.45 + 0.55 * colour) * shine[..., None], np.float32
    )


def _shadow(cover: F32, height_px: float, lamp: Lamp) -> F32:
    """Return how dark the part makes the belt: a soft cast away from the lamp, a tight contact."""
    lx, ly, lz = lamp.towards
    length_px = min(height_px, 10.0) * 0.8
    move = np.array([[1, 0, -lx / lz * length_px], [0, 1, -ly / lz * length_px]])
    cast = cv2.warpAffine(cover, move, cover.shape[::-1])
    cast = cv2.GaussianBlur(cast, (0, 0), 1.2 + 0.12 * length_px)
    contact = cv2.GaussianBlur(cover, (0, 0), 2.0) * np.float32(0.7)
    return np.asarray(np.maximum(cast, contact) * lamp.shadow, np.float32)


def _make_camera(wh_px: tuple[int, int], rng: np.random.Generator) -> Camera:
    """Choose a ramp of light, sometimes a beam's shadow, a colour cast, blur and noise."""
    x = np.linspace(-1, 1, wh_px[0])[None, :]
    y = np.linspace(-1, 1, wh_px[1])[:, None]
    turn = rng.uniform(0, 2 * np.pi)
    light = 1.05 + rng.uniform(0.0, 0.4) * (x * np.cos(turn) + y * np.sin(turn))
    if rng.random() < 0.3:
        turn = rng.uniform(0, np.pi)
        away = np.abs(x * np.cos(turn) + y * np.sin(turn) - rng.uniform(-0.8, 0.8))
        half, soft = rng.uniform(0.1, 0.35), rng.uniform(0.03, 0.2)
        light *= 1 - rng.uniform(0.2, 0.45) * np.clip((half - away) / soft + 0.5, 0, 1)
    warmth = rng.normal(0, 0.06)
    cast = np.array([1 - warmth, 1 + rng.normal(0, 0.02), 1 + warmth]) * rng.uniform(0.85, 1.25)
    blur_px = rng.uniform(0.25, 0.9) if rng.random() < 0.5 else 0.0
    return Camera(_tinted(light, cast), blur_px, rng.uniform(0.004, 0.028))


def take_picture(canvas: F32, camera: Camera, rng: np.random.Generator) -> U8:
    """Return what the camera sees; highlights roll off before they clip."""
    seen = np.multiply(canvas, camera.gain)
    if camera.blur_px:
        cv2.GaussianBlur(seen, (0, 0), camera.blur_px, dst=seen)
    high, wide = canvas.shape[:2]
    seen += _tinted(_noise((wide, high), 1, rng), [camera.noise] * 3)
    seen = np.minimum(seen, (seen + _KNEE) / 2)
    return np.asarray(cv2.convertScaleAbs(np.maximum(seen, 0), alpha=255.0), np.uint8)


def _noise(wh_px: Sequence[int], cell_px: int, rng: np.random.Generator) -> F32:
    """Return (H, W) noise of about deviation 1 that changes over ``cell_px``."""
    wide, high = wh_px
    cells = rng.standard_normal((-(-high // cell_px), -(-wide // cell_px)), np.float32)
    if cell_px == 1:
        return cells
    return np.asarray(cv2.resize(cells, (wide, high), interpolation=cv2.INTER_CUBIC), np.float32)


def _tinted(grey: F32 | F64, bgr: Sequence[float] | F64) -> F32:
    """Return (H, W, 3) from a grey picture and a colour; much faster than numpy's broadcast."""
    grey = grey.astype(np.float32, copy=False)
    return np.asarray(cv2.merge([grey * np.float32(share) for share in bgr]), np.float32)


def _shrunk(picture: F32 | U8, wh_px: Sequence[int]) -> F32:
    """Return the picture at the canvas's resolution, each pixel the mean of what it covers."""
    return np.asarray(cv2.resize(picture, wh_px, interpolation=cv2.INTER_AREA), np.float32)
