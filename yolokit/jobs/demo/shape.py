"""What a part is made of: layers of outlines with heights, in units of the part's own size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from yolokit.jobs.demo.outline import rotate

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.jobs.demo.outline import F64, Outline
    from yolokit.jobs.demo.rng import Rng

Finish: TypeAlias = Literal["smooth", "thread", "spun", "print", "matt"]
Tint: TypeAlias = Literal["part", "dark", "insert", "steel"]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One level of a part: the union of solid outlines without the holes.

    Attributes:
        solids: Outlines that are filled.
        holes: Outlines that are cut out again; where no layer is solid one sees the belt.
        base: Height of the edge above the belt, in part sizes.
        rise: Height of the middle above the edge.
        bevel: Width of the edge over which it rises; the rise is round, so a bar whose bevel
            is half its width looks like a wire.
        slope_xy: Gradient that tilts the surface, for facets.
        finish: What the surface looks like close up.
        tint: Which of the part's materials it has.
        detail: It lies wholly on lower layers, so that it changes neither outline nor box.
    """

    solids: tuple[Outline, ...]
    holes: tuple[Outline, ...] = ()
    base: float = 0.0
    rise: float = 0.05
    bevel: float = 0.03
    slope_xy: tuple[float, float] = (0.0, 0.0)
    finish: Finish = "smooth"
    tint: Tint = "part"
    detail: bool = False


Shape: TypeAlias = tuple[Layer, ...]
"""Layers from the lowest to the highest; each hides what is below it."""


@dataclass(frozen=True, slots=True)
class PartKind:
    """One class of parts.

    Attributes:
        name: The class name, or that of a distractor.
        build: Makes one specimen, about 1 long; specimens differ in their proportions.
        size_px: Least and greatest length at zoom 1 of a 480 x 360 px picture.
        materials: Names of surfaces it is found in (see ``surface.py``).
    """

    name: str
    build: Callable[[Rng], Shape]
    size_px: tuple[float, float]
    materials: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A part at its place in the picture.

    Attributes:
        kind: What it is.
        category: Index of its class from 0; None for a distractor, which has no label.
        shape: Layers in picture px.
        size_px: Length that one unit of the shape became.
        axes: ((cos, sin), (-sin, cos)) directions of the shape's own x and y in the picture.
        centre_px: Where the shape's origin lies.
        extent_px: xyxy of the whole part, also where it leaves the picture.
        probes_px: (N, 2) points spread over its surface, holes left out.
    """

    kind: PartKind
    category: int | None
    shape: Shape
    size_px: float
    axes: tuple[tuple[float, float], tuple[float, float]]
    centre_px: tuple[float, float]
    extent_px: tuple[float, float, float, float]
    probes_px: F64


def transform_shape(
    shape: Shape, size_px: float, axes: tuple[tuple[float, float], tuple[float, float]]
) -> Shape:
    """Return the layers with outlines and lengths in picture px, the origin where it was."""
    (ux, uy), (vx, vy) = axes

    def turn(outline: Outline) -> Outline:
        return rotate(outline * size_px, *axes)

    return tuple(
        Layer(
            solids=tuple(map(turn, layer.solids)),
            holes=tuple(map(turn, layer.holes)),
            base=layer.base * size_px,
            rise=layer.rise * size_px,
            bevel=layer.bevel * size_px,
            slope_xy=(
                layer.slope_xy[0] * ux + layer.slope_xy[1] * vx,
                layer.slope_xy[0] * uy + layer.slope_xy[1] * vy,
            ),
            finish=layer.finish,
            tint=layer.tint,
            detail=layer.detail,
        )
        for layer in shape
    )


def shift(placed: Placed, x_px: float, y_px: float) -> Placed:
    """Return the part moved by an offset."""
    offset = np.array([x_px, y_px])
    x1, y1, x2, y2 = placed.extent_px
    return replace(
        placed,
        shape=tuple(
            replace(
                layer,
                solids=tuple(outline + offset for outline in layer.solids),
                holes=tuple(outline + offset for outline in layer.holes),
            )
            for layer in placed.shape
        ),
        centre_px=(placed.centre_px[0] + x_px, placed.centre_px[1] + y_px),
        extent_px=(x1 + x_px, y1 + y_px, x2 + x_px, y2 + y_px),
        probes_px=placed.probes_px + offset,
    )


def extent_of(shape: Shape) -> tuple[float, float, float, float]:
    """Return xyxy around all solid outlines."""
    every = np.concatenate([o for layer in shape if not layer.detail for o in layer.solids])
    (x1, y1), (x2, y2) = every.min(axis=0).tolist(), every.max(axis=0).tolist()
    return x1, y1, x2, y2
