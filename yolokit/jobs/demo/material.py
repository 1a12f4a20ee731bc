"""What parts are made of, and how it looks under a lamp.

A material is shown by a picture of a ball of it: a surface takes its colour from the point of
the ball that faces the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import hypot, sqrt

import numpy as np

from yolokit.jobs.demo.raster import F32, smooth_step, stack

BALL_PX = 48
TINTS = ("part", "dark", "insert", "steel")
INSERTS = ("blue", "nylon", "brass")


@dataclass(frozen=True, slots=True)
class Material:
    """A surface. Colour is BGR in [0, 1]; the others are shares of the light.

    Attributes:
        bgr: Base colour.
        diffuse: Light scattered evenly.
        mirror: Share of the room that it mirrors, in its own colour.
        gloss: Strength of the lamp's highlight.
        sharpness: Exponent of the highlight; greater is smaller.
        roughness: Slope of the grain that one sees.
    """

    bgr: tuple[float, float, float]
    diffuse: float = 0.35
    mirror: float = 0.6
    gloss: float = 0.7
    sharpness: float = 28.0
    roughness: float = 0.05

    @property
    def is_metal(self) -> bool:
        """Whether turning leaves rings on it that shine."""
        return self.mirror > 0.3


def _paint(blue: float, green: float, red: float) -> Material:
    return Material((blue, green, red), 0.7, 0.12, 0.45, 40.0, 0.01)


MATERIALS = {
    "steel": Material((0.72, 0.71, 0.70)),
    "zinc": Material((0.82, 0.80, 0.74), diffuse=0.45, gloss=0.6, sharpness=16.0, roughness=0.08),
    "brass": Material((0.30, 0.62, 0.80), gloss=0.6),
    "copper": Material((0.36, 0.50, 0.80), gloss=0.6),
    "black": Material((0.17, 0.155, 0.15), diffuse=0.3, mirror=0.75, gloss=0.55, sharpness=18.0),
    "nylon": Material((0.80, 0.85, 0.86), 0.7, 0.12, 0.2, 10.0, 0.01),
    "red": _paint(0.14, 0.12, 0.74),
    "orange": _paint(0.10, 0.42, 0.88),
    "yellow": _paint(0.12, 0.72, 0.88),
    "green": _paint(0.24, 0.55, 0.18),
    "blue": _paint(0.70, 0.34, 0.12),
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
        self._light = _light_on_ball(lamp)
        self._balls: dict[str, F32] = {}

    def balls(self, material: str, insert: str) -> F32:
        """Return pictures of four balls side by side, in the order of ``TINTS``."""
        names = (material, f"dark {material}", insert, "steel")
        return np.concatenate([self._ball(name) for name in names], axis=1)

    def _ball(self, name: str) -> F32:
        if name not in self._balls:
            material = MATERIALS[name.removeprefix("dark ")]
            if name.startswith("dark "):
                material = _darkened(material)
            self._balls[name] = _draw_ball(material, *self._light)
        return self._balls[name]


def _darkened(material: Material) -> Material:
    """Return the material as it looks at the bottom of a hole."""
    blue, green, red = material.bgr
    return replace(
        material, bgr=(blue * 0.34, green * 0.34, red * 0.34), gloss=material.gloss * 0.5
    )


def _light_on_ball(lamp: Lamp) -> tuple[F32, F32, F32]:
    """Return the light on each point of a ball: direct light, nearness to the highlight, the room.

    The room is what a mirror would show: a bright ceiling, a softbox on the lamp's side, dark
    walls opposite.
    """
    axis = (np.arange(BALL_PX) - (BALL_PX / 2 - 0.5)) / (BALL_PX / 2 - 1)
    nx, ny = axis[None, :], axis[:, None]
    nz = np.sqrt(np.maximum(1.0 - nx * nx - ny * ny, 0.0))
    lx, ly, lz = lamp.towards
    flat = nx * lx + ny * ly
    lit = np.maximum(flat + nz * lz, 0.0)
    half = np.maximum((flat + nz * (lz + 1)) / sqrt(lx * lx + ly * ly + (lz + 1) ** 2), 0.0)
    up = (2 * nz * nz - 1).astype(np.float32)
    side = (2 * nz * flat / max(hypot(lx, ly), 1e-6)).astype(np.float32)
    room = np.float32(0.30) + np.float32(0.55) * smooth_step(up, -0.1, 0.9)
    room += np.float32(0.45) * smooth_step(side, 0.2, 0.75)
    room -= np.float32(0.30) * smooth_step(-side, 0.25, 0.8)
    room += np.float32(0.25) * smooth_step(-side, 0.86, 0.97)
    return lit.astype(np.float32), half.astype(np.float32), room


def _draw_ball(material: Material, lit: F32, half: F32, room: F32) -> F32:
    base = (
        np.float32(0.14) + lit * np.float32(material.diffuse) + room * np.float32(material.mirror)
    )
    shine = half ** np.float32(material.sharpness) * np.float32(material.gloss)
    return stack(
        [
            base * np.float32(colour) + shine * np.float32(0.45 + 0.55 * colour)
            for colour in material.bgr
        ]
    )
