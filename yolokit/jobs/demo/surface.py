"""How a part looks: its surface from its heights, lit by the lamp of the scene.

Heights give normals, and a normal picks its colour from a small picture of a ball of the same
material under the same light. Pixels may differ between versions of OpenCV; labels never depend
on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from yolokit.jobs.demo.shape import Layer, Placed

F32: TypeAlias = NDArray[np.float32]
U8: TypeAlias = NDArray[np.uint8]

_SAMPLES = 2  # per px and direction
_SHIFT = 4  # fixed-point bits of OpenCV's polygon coordinates
_BALL_PX = 64
_TINTS = ("part", "dark", "insert", "steel")


@dataclass(frozen=True, slots=True)
class Material:
    """A surface. Colour is BGR in [0, 1]; the others are shares of the light.

    Attributes:
        bgr: Base colour.
        diffuse: Light scattered evenly.
        mirror: Share of the room that it mirrors, in its own colour.
        gloss: Strength of the lamp's highlight.
        sharpness: Exponent of the highlight; greater is smaller.
        grain: Slope of the roughness that one sees.
    """

    bgr: tuple[float, float, float]
    diffuse: float = 0.35
    mirror: float = 0.6
    gloss: float = 0.7
    sharpness: float = 28.0
    grain: float = 0.05


MATERIALS = {
    "steel": Material((0.72, 0.71, 0.70)),
    "zinc": Material((0.82, 0.80, 0.74), diffuse=0.45, gloss=0.6, sharpness=16.0, grain=0.08),
    "brass": Material((0.30, 0.62, 0.80), gloss=0.6),
    "copper": Material((0.36, 0.50, 0.80), gloss=0.6),
    "black": Material((0.17, 0.155, 0.15), diffuse=0.3, mirror=0.75, gloss=0.55, sharpness=18.0),
    "nylon": Material((0.80, 0.85, 0.86), 0.7, 0.12, 0.2, 10.0, 0.01),
    "red": Material((0.14, 0.12, 0.74), 0.7, 0.12, 0.45, 40.0, 0.01),
    "orange": Material((0.10, 0.42, 0.88), 0.7, 0.12, 0.45, 40.0, 0.01),
    "yellow": Material((0.12, 0.72, 0.88), 0.7, 0.12, 0.45, 40.0, 0.01),
    "green": Material((0.24, 0.55, 0.18), 0.7, 0.12, 0.45, 40.0, 0.01),
    "blue": Material((0.70, 0.34, 0.12), 0.7, 0.12, 0.45, 40.0, 0.01),
    "paper": Material((0.84, 0.88, 0.90), 0.85, 0.0, 0.0, 8.0, 0.01),
    "wood": Material((0.36, 0.52, 0.66), 0.8, 0.0, 0.05, 8.0, 0.05),
}


@dataclass(frozen=True, slots=True)
class Lamp:
    """The light over the belt.

    Attributes:
        towards: Unit vector from the belt to the lamp; x right, y down, z up.
        shadow: Darkness of a shadow, in [0, 1].
    """

    towards: tuple[float, float, float]
    shadow: float


class Studio:
    """A lamp, and how balls of each material look under it."""

    def __init__(self, lamp: Lamp) -> None:
        self.lamp = lamp
        self._balls: dict[str, F32] = {}

    def balls(self, material: str, insert: str) -> F32:
        """Return pictures of four balls side by side, in the order of ``_TINTS``."""
        names = (material, f"dark {material}", insert, "steel")
        return np.concatenate([self._ball(name) for name in names], axis=1)

    def _ball(self, name: str) -> F32:
        if name not in self._balls:
            material = MATERIALS[name.removeprefix("dark ")]
            if name.startswith("dark "):
                blue, green, red = material.bgr
                material = replace(
                    material,
                    bgr=(blue * 0.34, green * 0.34, red * 0.34),
                    gloss=material.gloss * 0.5,
                )
            self._balls[name] = _draw_ball(material, self.lamp)
        return self._balls[name]


def draw_part(canvas: F32, placed: Placed, studio: Studio, rng: np.random.Generator) -> None:
    """Draw one part with its shadow onto a canvas, in place.

    Args:
        canvas: (H, W, 3) float32 BGR, 1 is white.
        placed: The part; it may reach over the edge.
        studio: The light.
        rng: Decides on material, dirt and small tilt.
    """
    x1, y1, x2, y2 = placed.extent_px
    left, top = int(np.floor(x1)) - 2, int(np.floor(y1)) - 2
    wide, high = int(np.ceil(x2)) + 2 - left, int(np.ceil(y2)) + 2 - top
    relief = _relief(placed, (left, top), (wide, high))
    colour = _shade(relief, placed, studio, rng)
    size = (wide, high)
    patch = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(relief.cover, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    _cast_shadow(canvas, alpha, (left, top), float(relief.height.max()) / _SAMPLES, studio.lamp)
    _blend(canvas, patch, alpha, (left, top))


@dataclass(frozen=True, slots=True, eq=False)
class _Relief:
    """Heights (in samples), cover (0-255), tint index and centre-based coordinates of a part."""

    height: F32
    cover: U8
    tint: U8
    finish_slope: tuple[F32, F32] | None
    ink: F32 | None


def _relief(placed: Placed, origin: tuple[int, int], wh: tuple[int, int]) -> _Relief:
    shape = (wh[1] * _SAMPLES, wh[0] * _SAMPLES)
    height = np.zeros(shape, np.float32)
    cover = np.zeros(shape, np.uint8)
    tint = np.zeros(shape, np.uint8)
    spun: tuple[F32, F32] | None = None
    ink: F32 | None = None
    x = (np.arange(shape[1], dtype=np.float32) + 0.5) / _SAMPLES + (origin[0] - placed.centre_px[0])
    y = (np.arange(shape[0], dtype=np.float32) + 0.5) / _SAMPLES + (origin[1] - placed.centre_px[1])
    y = y[:, None]
    (ux, uy), (vx, vy) = placed.axes
    for layer in placed.shape:
        mask = _fill(layer, origin, shape)
        level = _level(layer, mask)
        if layer.slope_xy != (0.0, 0.0):
            level += (x * layer.slope_xy[0] + y * layer.slope_xy[1]) * _SAMPLES
        if layer.finish == "thread":
            level += _thread(x * ux + y * uy, x * vx + y * vy, layer.rise)
        inside = mask > 127
        np.copyto(height, level, where=inside)
        tint[inside] = _TINTS.index(layer.tint)
        np.maximum(cover, mask, out=cover)
        if layer.finish == "spun" and spun is None:
            spun = _spun(x, y)
        if layer.finish == "print":
            ink = _ink(x * ux + y * uy, x * vx + y * vy, placed.size_px)
    return _Relief(height, cover, tint, spun, ink)


def _fill(layer: Layer, origin: tuple[int, int], shape: tuple[int, int]) -> U8:
    mask = np.zeros(shape, np.uint8)
    scale = _SAMPLES * (1 << _SHIFT)
    # OpenCV's pixel centres are whole numbers, ours lie at one half.
    offset = np.array(origin) + 0.5 / _SAMPLES
    for outlines, value in ((layer.solids, 255), (layer.holes, 0)):
        for outline in outlines:
            fixed = np.rint((outline - offset) * scale).astype(np.int32)
            cv2.fillPoly(mask, [fixed], value, cv2.LINE_AA, _SHIFT)
    return mask


def _level(layer: Layer, mask: U8) -> F32:
    """Return the layer's height in samples: round edges by the distance to its outline."""
    solid = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
    distance = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
    share = np.minimum(distance * (1.0 / max(layer.bevel * _SAMPLES, 1.0)), 1.0)
    level: F32 = np.sqrt(share * (2.0 - share)) * (layer.rise * _SAMPLES)
    level += layer.base * _SAMPLES
    return level


def _thread(along: F32, across: F32, radius_px: float) -> F32:
    """Return the ridges of a thread in samples; half a turn from one edge to the other."""
    pitch = radius_px * 0.42
    phase = along / pitch + across / (4.0 * radius_px)
    ridge: F32 = np.abs(phase - np.floor(phase) - 0.5) * np.float32(pitch * 0.75 * _SAMPLES)
    return ridge


def _spun(x: F32, y: F32) -> tuple[F32, F32]:
    """Return the slopes of the fine rings that turning leaves."""
    radius = np.sqrt(x * x + y * y) + np.float32(0.01)
    rings = _RINGS[(radius * 3.0).astype(np.int32) % len(_RINGS)] / radius
    return x * rings, y * rings


def _ink(along: F32, across: F32, size_px: float) -> F32:
    """Return the darkness of lines of print on a paper."""
    line = np.floor(across / (size_px * 0.07))
    word = np.floor(along / (size_px * 0.05))
    noise = np.abs(np.sin(word * 12.99 + line * 78.2) * 43758.5)
    dark = (noise - np.floor(noise) > 0.35) & (line % 2 == 0)
    ink: F32 = np.where(dark & (np.abs(along) < size_px * 0.3), np.float32(0.5), np.float32(1.0))
    return ink


_RINGS: F32 = np.random.default_rng(7).normal(0, 0.13, 256).astype(np.float32)
_GRAIN: F32 = cv2.GaussianBlur(
    np.random.default_rng(8).normal(0, 1, (512, 512)).astype(np.float32), (0, 0), 1.2
)
_STAIN: F32 = cv2.normalize(
    cv2.GaussianBlur(np.random.default_rng(9).random((512, 512), np.float32), (0, 0), 9),
    None, 0.0, 1.0, cv2.NORM_MINMAX,
)  # fmt: skip


def _shade(relief: _Relief, placed: Placed, studio: Studio, rng: np.random.Generator) -> F32:
    """Return the lit surface, (H, W, 3) float32 at the sampling of the relief."""
    name = placed.kind.materials[int(rng.integers(len(placed.kind.materials)))]
    insert = ("blue", "nylon", "brass")[int(rng.integers(3))]
    material = MATERIALS[name]
    height = cv2.GaussianBlur(relief.height, (3, 3), 0)
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125)
    rows, columns = height.shape
    at = rng.integers(0, 512 - 1, 4)
    grain = _crop(_GRAIN, at[0], at[1], rows, columns)
    slope_x += grain * material.grain + np.float32(rng.normal(0, 0.07))
    slope_y += grain * material.grain + np.float32(rng.normal(0, 0.07))
    if relief.finish_slope is not None and material.mirror > 0.3:
        slope_x += relief.finish_slope[0]
        slope_y += relief.finish_slope[1]
    scale = (_BALL_PX / 2 - 1) / np.sqrt(1.0 + slope_x * slope_x + slope_y * slope_y)
    ball_x = _BALL_PX / 2 - 0.5 - slope_x * scale + relief.tint * np.float32(_BALL_PX)
    ball_y = _BALL_PX / 2 - 0.5 - slope_y * scale
    colour = cv2.remap(studio.balls(name, insert), ball_x, ball_y, cv2.INTER_LINEAR)
    reach = int(placed.size_px * 0.08 * _SAMPLES) | 1
    hollow = cv2.blur(height, (reach, reach)) - height
    light: F32 = np.clip(1.0 - hollow * (2.2 / (placed.size_px * 0.25 * _SAMPLES)), 0.35, 1.08)
    light *= 1.0 - np.float32(rng.uniform(0.0, 0.45)) * _crop(_STAIN, at[2], at[3], rows, columns)
    if relief.ink is not None:
        light *= relief.ink
    hue = rng.normal(1.0, 0.04, 3) * rng.uniform(0.88, 1.12)
    lit: F32 = colour * (light[:, :, None] * hue.astype(np.float32))
    return lit


def _crop(tile: F32, top: int, left: int, rows: int, columns: int) -> F32:
    """Return a piece of a picture that repeats itself."""
    y = (np.arange(rows) + top) % tile.shape[0]
    x = (np.arange(columns) + left) % tile.shape[1]
    return tile[y[:, None], x]


def _draw_ball(material: Material, lamp: Lamp) -> F32:
    axis = (np.arange(_BALL_PX, dtype=np.float32) - (_BALL_PX / 2 - 0.5)) / (_BALL_PX / 2 - 1)
    nx, ny = np.meshgrid(axis, axis)
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.0))
    lx, ly, lz = lamp.towards
    lit = np.maximum(nx * lx + ny * ly + nz * lz, 0.0)
    norm = float(np.sqrt(lx * lx + ly * ly + (lz + 1) ** 2))
    half = np.maximum((nx * lx + ny * ly + nz * (lz + 1)) / norm, 0.0)
    # What the surface mirrors: a bright ceiling, a softbox towards the lamp, dark walls.
    up = 2 * nz * nz - 1
    side = 2 * nz * (nx * lx + ny * ly) / max(float(np.hypot(lx, ly)), 1e-6)
    room = 0.30 + 0.55 * _step(up, -0.1, 0.9) + 0.45 * _step(side, 0.2, 0.75)
    room -= 0.30 * _step(-side, 0.25, 0.8)
    room += 0.25 * _step(-side, 0.86, 0.97)
    base = 0.14 + material.diffuse * lit + material.mirror * room
    shine = material.gloss * half**material.sharpness
    colour = np.array(material.bgr, np.float32)
    white = 0.45 + 0.55 * colour
    ball: F32 = base[:, :, None] * colour + shine[:, :, None] * white
    return ball.astype(np.float32)


def _step(value: F32, low: float, high: float) -> F32:
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    step: F32 = share * share * (3.0 - 2.0 * share)
    return step


def _cast_shadow(
    canvas: F32, alpha: F32, origin: tuple[int, int], height_px: float, lamp: Lamp
) -> None:
    """Darken the canvas where the part keeps the light away: a soft cast and a tight contact."""
    lx, ly, lz = lamp.towards
    length = min(height_px, 18.0) * 0.8
    move = (-lx / lz * length, -ly / lz * length)
    margin = int(np.ceil(max(abs(move[0]), abs(move[1])) + 8))
    wide = cv2.copyMakeBorder(alpha, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=0)
    matrix = np.array([[1, 0, move[0]], [0, 1, move[1]]], np.float32)
    cast = cv2.warpAffine(wide, matrix, (wide.shape[1], wide.shape[0]))
    cast = cv2.GaussianBlur(cast, (0, 0), 1.2 + 0.12 * length)
    contact = cv2.GaussianBlur(wide, (0, 0), 2.0)
    dark = lamp.shadow * np.maximum(cast, 0.7 * contact)
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
    share = alpha[rows, columns, None]
    target = canvas[top:bottom, left:right]
    target *= 1.0 - share
    if patch is not None:
        target += patch[rows, columns] * share
