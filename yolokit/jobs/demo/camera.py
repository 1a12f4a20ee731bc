"""What light and camera do to a picture: gradient, colour cast, blur, noise, highlights."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from yolokit.jobs.demo.raster import F32, U8, blur, enlarge, smooth_step, stack, tint, white_noise

_KNEE = 0.72  # of white; above it the sensor gains less
_GAIN_ABOVE_KNEE = 0.45


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """One setting of light and camera.

    Attributes:
        gain: (H, W, 3) float32 light at each pixel, colour cast and vignette included.
        blur_px: Sigma of the lens; 0 is sharp.
        smear_px: Length of motion blur; 0 is none.
        smear_turn: Its direction in turns.
        noise: Standard deviation of the sensor's noise, 1 is white.
    """

    gain: F32
    blur_px: float
    smear_px: int
    smear_turn: float
    noise: float


def make_camera(wh_px: tuple[int, int], rng: np.random.Generator) -> Camera:
    """Choose light and camera for a picture of a size."""
    warmth = rng.normal(0, 0.06)
    cast = np.array([1 - warmth, 1 + rng.normal(0, 0.02), 1 + warmth]) * rng.uniform(0.85, 1.25)
    return Camera(
        gain=tint(_light(wh_px, rng), cast.tolist()),
        blur_px=rng.uniform(0.25, 0.9) if rng.random() < 0.4 else 0.0,
        smear_px=int(rng.integers(2, 5)) if rng.random() < 0.2 else 0,
        smear_turn=rng.random(),
        noise=rng.uniform(0.004, 0.028),
    )


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
    if camera.smear_px:
        kernel = _smear_kernel(camera.smear_px, camera.smear_turn)
        seen = np.asarray(cv2.filter2D(seen, -1, kernel), np.float32)
    if camera.blur_px:
        seen = blur(seen, camera.blur_px)
    noise = white_noise((canvas.shape[1], canvas.shape[0]), rng) * np.float32(camera.noise)
    seen += stack([noise] * 3)
    # Highlights roll off before they clip.
    above = np.maximum(seen - np.float32(_KNEE), np.float32(0))
    above *= np.float32(1 - _GAIN_ABOVE_KNEE)
    seen -= above
    return np.asarray(cv2.convertScaleAbs(np.maximum(seen, 0), alpha=255.0), np.uint8)


def _light(wh_px: tuple[int, int], rng: np.random.Generator) -> F32:
    """Return (H, W) light about 1: a ramp, a pool, dark corners, sometimes a beam's shadow."""
    wide, high = wh_px
    # Light changes slowly: a quarter of the resolution is enough.
    x = np.linspace(-1, 1, wide // 4)[None, :]
    y = np.linspace(-1, 1, high // 4)[:, None]
    turn = rng.uniform(0, 2 * np.pi)
    light = 1.0 + rng.uniform(0.0, 0.32) * (x * np.cos(turn) + y * np.sin(turn))
    pool_x, pool_y = rng.uniform(-0.6, 0.6, 2)
    pool = np.exp(-((x - pool_x) ** 2 + (y - pool_y) ** 2) / 0.7)
    light *= (1.0 + rng.uniform(0.0, 0.3) * pool) * (1.0 - 0.06 * (x * x + y * y))
    if rng.random() < 0.3:
        turn = rng.uniform(0, np.pi)
        away = np.abs(x * np.cos(turn) + y * np.sin(turn) - rng.uniform(-0.8, 0.8))
        half, soft = rng.uniform(0.1, 0.35), rng.uniform(0.03, 0.2)
        outside = smooth_step(away.astype(np.float32), half - soft / 2, half + soft / 2)
        light *= 1.0 - rng.uniform(0.2, 0.45) * (1.0 - outside)
    return enlarge(light.astype(np.float32), wh_px)


def _smear_kernel(length_px: int, turn: float) -> F32:
    """Return the mean along a line of a length and direction."""
    side = length_px | 1
    kernel = np.zeros((side, side), np.float32)
    along = np.linspace(-0.5, 0.5, 4 * side) * (length_px - 1)
    middle = side // 2
    column = np.rint(middle + along * np.cos(turn * 2 * np.pi)).astype(int)
    row = np.rint(middle + along * np.sin(turn * 2 * np.pi)).astype(int)
    np.add.at(kernel, (row, column), np.float32(1))
    kernel /= kernel.sum()
    return kernel
