"""Pictures of a scene: the belt, what lies on it, and what the camera makes of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from yolokit.jobs.demo.surface import Lamp, Studio, draw_part

if TYPE_CHECKING:
    from yolokit.jobs.demo.scene import Scene

F32: TypeAlias = NDArray[np.float32]
U8: TypeAlias = NDArray[np.uint8]

_BELTS = (  # BGR of rubber and PVC belts
    (0.20, 0.20, 0.20),
    (0.26, 0.25, 0.23),
    (0.22, 0.30, 0.20),
    (0.36, 0.28, 0.16),
    (0.34, 0.36, 0.34),
    (0.42, 0.44, 0.42),
    (0.17, 0.21, 0.27),
)


@dataclass(frozen=True, slots=True)
class Camera:
    """What light and camera do to a picture.

    Attributes:
        gain: (H, W, 3) light at each pixel, colour cast and vignette included.
        blur_px: Sigma of the lens.
        smear: (length in px, turns) of motion blur; length 0 is none.
        noise: Standard deviation of the sensor's noise, 1 is white.
    """

    gain: F32
    blur_px: float
    smear: tuple[int, float]
    noise: float


def draw_scene(scene: Scene, key: tuple[int, ...]) -> F32:
    """Draw the belt and everything on it, in the light of one lamp, before the camera.

    Args:
        scene: Where everything lies.
        key: Seed of the look; the belt is the same for a scene without parts.
    Returns:
        (H, W, 3) float32 BGR, 1 is white.
    """
    canvas = draw_belt(scene.wh_px, np.random.default_rng([*key, 1]))
    rng = np.random.default_rng([*key, 2])
    studio = Studio(_lamp(rng))
    for thing in scene.things:
        draw_part(canvas, thing, studio, rng)
    return canvas


def draw_belt(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Draw an empty belt: colour, ribs or weave, stains, scratches and crumbs.

    Returns:
        (H, W, 3) float32 BGR, 1 is white.
    """
    wide, high = wh_px
    tone = np.ones((high, wide), np.float32)
    tone += _smooth_noise(wh_px, 120, rng) * np.float32(rng.uniform(0.03, 0.16))
    tone += _smooth_noise(wh_px, 14, rng) * np.float32(rng.uniform(0.01, 0.06))
    tone += _noise(wh_px, rng) * np.float32(rng.uniform(0.03, 0.10))
    tone += _pattern(wh_px, rng)
    _scratch(tone, rng)
    _crumbs(tone, rng)
    base = np.array(_BELTS[int(rng.integers(len(_BELTS)))]) * rng.uniform(0.75, 1.35)
    base *= rng.uniform(0.92, 1.08, 3)
    return np.maximum(tone, 0.1)[:, :, None] * base.astype(np.float32)


def make_camera(wh_px: tuple[int, int], key: tuple[int, ...]) -> Camera:
    """Choose light and camera for a picture.

    Args:
        wh_px: Size of the picture.
        key: Seed of the look.
    """
    rng = np.random.default_rng([*key, 3])
    wide, high = wh_px
    # Light changes slowly: a quarter of the resolution is enough.
    x = np.linspace(-1, 1, wide // 4, dtype=np.float32)
    y = np.linspace(-1, 1, high // 4, dtype=np.float32)[:, None]
    turn = rng.uniform(0, 2 * np.pi)
    ramp = 1.0 + rng.uniform(0.0, 0.32) * (x * np.cos(turn) + y * np.sin(turn))
    pool_x, pool_y = rng.uniform(-0.6, 0.6, 2)
    pool = np.exp(-((x - pool_x) ** 2 + (y - pool_y) ** 2) / 0.7)
    light = ramp * (1.0 + rng.uniform(0.0, 0.3) * pool) * (1.0 - 0.12 * (x * x + y * y) / 2)
    if rng.random() < 0.3:
        light *= _band_of_shade(x, y, rng)
    warmth = rng.normal(0, 0.06)
    cast = np.array([1 - warmth, 1 + rng.normal(0, 0.02), 1 + warmth]) * rng.uniform(0.78, 1.2)
    smear = (int(rng.integers(2, 5)), rng.random()) if rng.random() < 0.2 else (0, 0.0)
    blur = rng.uniform(0.0, 0.9) if rng.random() < 0.5 else 0.0
    light = cv2.resize(light.astype(np.float32), wh_px, interpolation=cv2.INTER_LINEAR)
    gain = light[:, :, None] * cast.astype(np.float32)
    return Camera(gain, float(blur), smear, float(rng.uniform(0.004, 0.028)))


def take_picture(canvas: F32, camera: Camera, rng: np.random.Generator) -> U8:
    """Return what the camera sees.

    Args:
        canvas: (H, W, 3) float32 BGR, 1 is white.
        camera: Light, lens and sensor.
        rng: Source of the noise.
    Returns:
        (H, W, 3) uint8 BGR.
    """
    seen = canvas * camera.gain
    if camera.smear[0]:
        seen = cv2.filter2D(seen, -1, _smear_kernel(*camera.smear))
    if camera.blur_px > 0.25:
        seen = cv2.GaussianBlur(seen, (0, 0), camera.blur_px)
    grey = _noise((canvas.shape[1], canvas.shape[0]), rng) * np.float32(camera.noise)
    seen = cv2.add(seen, cv2.merge((grey, grey, grey)))
    # Highlights roll off instead of clipping.
    bright = np.minimum(seen, 1.6)
    bright = np.where(bright > 0.8, 0.8 + 0.2 * np.tanh((bright - 0.8) * 3.0), bright)
    return cv2.convertScaleAbs(np.maximum(bright, 0.0), alpha=255.0)


def _lamp(rng: np.random.Generator) -> Lamp:
    turn = rng.uniform(0, 2 * np.pi)
    height = rng.uniform(0.9, 1.8)
    norm = float(np.sqrt(1 + height * height))
    return Lamp(
        (float(np.cos(turn)) / norm, float(np.sin(turn)) / norm, height / norm),
        float(rng.uniform(0.45, 0.75)),
    )


_NOISE: F32 = np.random.default_rng(5).normal(0, 1, (1024, 2048)).astype(np.float32)


def _noise(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return white noise of deviation 1, a random piece of a fixed field."""
    wide, high = wh_px
    if wide > _NOISE.shape[1] // 2 or high > _NOISE.shape[0] // 2:
        return rng.standard_normal((high, wide), np.float32)
    top = int(rng.integers(0, _NOISE.shape[0] - high))
    left = int(rng.integers(0, _NOISE.shape[1] - wide))
    return _NOISE[top : top + high, left : left + wide]


def _smooth_noise(wh_px: tuple[int, int], cell_px: int, rng: np.random.Generator) -> F32:
    """Return noise of about deviation 1 that changes over ``cell_px``."""
    wide, high = wh_px
    cells = rng.standard_normal((high // cell_px + 3, wide // cell_px + 3), np.float32)
    smooth: F32 = cv2.resize(cells, wh_px, interpolation=cv2.INTER_CUBIC)
    return smooth


def _pattern(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return ribs along or across the belt, a diamond weave, or nothing."""
    wide, high = wh_px
    x = np.arange(wide, dtype=np.float32)[None]
    y = np.arange(high, dtype=np.float32)[:, None]
    pitch = rng.uniform(5, 26)
    strength = np.float32(rng.uniform(0.04, 0.16))
    turn = 2 * np.pi / pitch
    kind = int(rng.integers(5))
    if kind == 0:
        return np.broadcast_to(strength * np.cos(y * turn), (high, wide))
    if kind == 1:
        return np.broadcast_to(strength * np.cos(x * turn) ** 3, (high, wide))
    if kind == 2:
        weave: F32 = strength * np.cos(x * turn) * np.cos(y * turn)
        return weave
    if kind == 3:
        diamond: F32 = strength * np.maximum(np.cos((x + y) * turn), np.cos((x - y) * turn))
        return diamond
    return np.zeros((high, wide), np.float32)


def _scratch(tone: F32, rng: np.random.Generator) -> None:
    """Draw scratches, most of them along the belt, and a seam on some belts."""
    high, wide = tone.shape
    layer = np.zeros(tone.shape, np.uint8)
    for _ in range(int(rng.integers(0, 7) * wide / 480)):
        start = rng.uniform(0, (wide, high))
        end = start + rng.normal(0, (90, 12))
        points = np.rint(np.array([start, end]) * 16).astype(int)
        shade = int(rng.integers(40, 160))
        cv2.line(layer, points[0].tolist(), points[1].tolist(), shade, 1, cv2.LINE_AA, 4)
    tone += layer.astype(np.float32) * np.float32(rng.choice((-0.002, 0.003)))
    if rng.random() < 0.15:
        at = int(rng.uniform(0.1, 0.9) * wide)
        tone[:, at : at + 3] *= np.float32(0.7)


def _crumbs(tone: F32, rng: np.random.Generator) -> None:
    """Strew dark and light specks."""
    high, wide = tone.shape
    count = int(rng.integers(5, 60) * wide / 480)
    layer = np.zeros(tone.shape, np.uint8)
    for dark in (False, True):
        layer[:] = 0
        for x, y, radius in rng.random((count, 3)).tolist():
            at = (int(x * wide * 16), int(y * high * 16))
            cv2.circle(layer, at, int(6 + 26 * radius * radius), 200, -1, cv2.LINE_AA, 4)
        tone += layer.astype(np.float32) * np.float32(-0.003 if dark else 0.0025)


def _band_of_shade(x: F32, y: F32, rng: np.random.Generator) -> F32:
    """Return the soft shadow of something above the belt, such as a beam or a pipe."""
    turn = rng.uniform(0, np.pi)
    across = x * np.cos(turn) + y * np.sin(turn) - rng.uniform(-0.8, 0.8)
    half, soft = rng.uniform(0.1, 0.35), rng.uniform(0.03, 0.2)
    share = np.clip((half - np.abs(across)) / soft + 0.5, 0, 1)
    band: F32 = 1.0 - rng.uniform(0.2, 0.45) * share
    return band


def _smear_kernel(length_px: int, turn: float) -> F32:
    size = length_px | 1
    kernel = np.zeros((size, size), np.float32)
    middle = size / 2 - 0.5
    for share in np.linspace(-0.5, 0.5, 4 * size):
        x = middle + share * (length_px - 1) * np.cos(turn * 2 * np.pi)
        y = middle + share * (length_px - 1) * np.sin(turn * 2 * np.pi)
        kernel[round(y), round(x)] += 1
    return kernel / kernel.sum()
