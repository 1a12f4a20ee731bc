"""Where parts lie on a belt, and their labels: pure geometry, the same on every machine.

A label's coordinates are rounded to 0.01 px, so the last bits of a sine, which differ between
maths libraries, do not reach it; nothing here depends on a pixel that was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from yolokit.jobs.demo.parts import DISTRACTORS
from yolokit.jobs.demo.shapes import covers, solid_points, unit_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64, Bool
    from yolokit.jobs.demo.rng import Rng
    from yolokit.jobs.demo.shapes import PartKind, Shape

MIN_VISIBLE = 0.25
"""A part is labelled where at least this share of its surface is in the picture and uncovered."""
MIN_SIDE_PX = 4.0
"""A label's box, clipped at the picture's edge, is at least this wide and high."""

_KEPT_VISIBLE = 0.6  # a part that is put down leaves at least this much of each other one
_TRIES = 24
_PROBES_A_SIDE = 12


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A part at its place in the scene.

    Attributes:
        kind: What it is.
        category: Index of its class from 0; None for a distractor, which has no label.
        shape: Layers in part lengths.
        size_px: Length that one unit of the shape becomes.
        axes: (2, 2) rows are the directions of the shape's own x and y in the picture.
        centre_px: (2,) where the shape's origin lies.
        extent_px: (4,) xyxy of the whole part, also where it leaves the picture.
        probes_px: (N, 2) points spread over its surface, holes left out.
    """

    kind: PartKind
    category: int | None
    shape: Shape
    size_px: float
    axes: F64
    centre_px: F64
    extent_px: F64
    probes_px: F64

    def to_px(self, outline: F64) -> F64:
        """Return points of the shape, (N, 2), in scene px."""
        return outline * self.size_px @ self.axes + self.centre_px

    def covers(self, xy_px: F64) -> Bool:
        """Tell which of (N, 2) points in scene px lie under the part, its holes left out."""
        return covers(self.shape, (xy_px - self.centre_px) @ self.axes.T / self.size_px)

    def moved(self, x_px: float, y_px: float) -> Placed:
        """Return the part shifted by an offset."""
        offset = np.array([x_px, y_px])
        return replace(
            self,
            centre_px=self.centre_px + offset,
            extent_px=self.extent_px + np.tile(offset, 2),
            probes_px=self.probes_px + offset,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A stretch of belt, and all that lies on it from the lowest to the uppermost."""

    wh_px: tuple[int, int]
    things: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """One labelled part.

    Attributes:
        category: Class index from 0.
        xyxy_px: Box around the whole part, clipped at the picture's edge, in steps of 0.01 px.
        thing: Index of the part in its scene.
    """

    category: int
    xyxy_px: tuple[float, float, float, float]
    thing: int


class Dealer:
    """Hands out classes so that each comes equally often: all of them before any comes again."""

    def __init__(self, kinds: Sequence[PartKind], rng: Rng) -> None:
        self._kinds = list(enumerate(kinds))
        self._rng = rng
        self._bag: list[tuple[int, PartKind]] = []

    def deal(self) -> tuple[int, PartKind]:
        """Return the next class index and its kind."""
        if not self._bag:
            self._bag = self._rng.shuffled(self._kinds)
        return self._bag.pop()

    def take_back(self, category: int, kind: PartKind) -> None:
        """Put a class back that found no place."""
        self._bag.append((category, kind))


def build_scene(
    dealer: Dealer,
    rng: Rng,
    *,
    wh_px: tuple[int, int],
    part_count: int,
    distractor_count: int,
    zoom: float,
) -> Scene:
    """Put parts and distractors on the belt, some over others or over the picture's edge.

    Args:
        dealer: Says which class comes next.
        rng: Source of everything else.
        wh_px: Width and height of the stretch of belt.
        part_count: Parts to place; one that finds no place is left out.
        distractor_count: Things without a label to place.
        zoom: Factor on all sizes; a different distance of the camera.
    """
    things: list[Placed] = []
    total = part_count + distractor_count
    distractor_turns = set(rng.shuffled(range(total))[:distractor_count])
    for turn in range(total):
        is_distractor = turn in distractor_turns
        category, kind = (None, rng.pick(DISTRACTORS)) if is_distractor else dealer.deal()
        placed = _find_place(things, kind, category, rng, wh_px=wh_px, zoom=zoom)
        if placed is not None:
            things.append(placed)
        elif category is not None:
            dealer.take_back(category, kind)
    return Scene(wh_px, tuple(things))


def labels_of(scene: Scene, window_xyxy: tuple[int, int, int, int] | None = None) -> list[Label]:
    """Label the parts that are seen in a window of the scene, or in all of it.

    The window is the picture in scene px; the labels are in window px, in the order in which the
    parts were put down.
    """
    window = window_xyxy or (0, 0, *scene.wh_px)
    left, top, right, bottom = window
    labels = []
    for index, thing in enumerate(scene.things):
        x1, y1, x2, y2 = thing.extent_px.tolist()
        box = (
            round(max(x1 - left, 0.0), 2),
            round(max(y1 - top, 0.0), 2),
            round(min(x2, right) - left, 2),
            round(min(y2, bottom) - top, 2),
        )
        if thing.category is None or min(box[2] - box[0], box[3] - box[1]) < MIN_SIDE_PX:
            continue
        if visible_fraction(thing, scene.things[index + 1 :], window) >= MIN_VISIBLE:
            labels.append(Label(thing.category, box, index))
    return labels


def visible_fraction(
    thing: Placed, above: Sequence[Placed], window_xyxy: tuple[float, float, float, float]
) -> float:
    """Return the share of a part's surface, counted on its probes, that is seen in a window.

    ``above`` is what was put down after it.
    """
    left, top, right, bottom = window_xyxy
    x, y = thing.probes_px.T
    seen = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    for other in above:
        if _extents_meet(thing, other):
            seen[seen] = ~other.covers(thing.probes_px[seen])
    return int(np.count_nonzero(seen)) / len(seen)


def put_down(
    kind: PartKind, category: int | None, shape: Shape, *, size_px: float, turn: float, flip: bool
) -> Placed:
    """Return a specimen at the origin, turned by ``turn`` turns, mirrored where ``flip`` is set."""
    ((cos, sin),) = unit_vectors(np.array([turn]))
    side = -1.0 if flip else 1.0
    axes = np.array([[cos, sin], [-sin * side, cos * side]])
    edge_px = solid_points(shape) * size_px @ axes
    extent_px = np.concatenate([edge_px.min(axis=0), edge_px.max(axis=0)])
    probes_px = _probes(shape) * size_px @ axes
    return Placed(kind, category, shape, size_px, axes, np.zeros(2), extent_px, probes_px)


def _find_place(
    things: list[Placed],
    kind: PartKind,
    category: int | None,
    rng: Rng,
    *,
    wh_px: tuple[int, int],
    zoom: float,
) -> Placed | None:
    """Try places until one leaves all parts visible; most parts want a place of their own."""
    shape = kind.build(rng)
    size_px = zoom * rng.uniform(*kind.size_px)
    part = put_down(kind, category, shape, size_px=size_px, turn=rng.random(), flip=rng.chance(0.5))
    alone = rng.chance(0.65)
    inset = size_px * (0.52 if rng.chance(0.75) else 0.2)
    for attempt in range(_TRIES):
        x, y = (rng.uniform(min(inset, side / 2), side - inset) for side in wh_px)
        placed = part.moved(x, y)
        touched = [index for index, other in enumerate(things) if _extents_meet(placed, other)]
        if touched and alone and attempt < _TRIES * 2 // 3:
            continue
        if _leaves_visible(things, touched, placed, wh_px):
            return placed
    return None


def _leaves_visible(
    things: list[Placed], touched: list[int], placed: Placed, wh_px: tuple[int, int]
) -> bool:
    """Tell whether the new part, and each part that it touches, is seen well enough."""
    window = (0, 0, *wh_px)
    if placed.category is not None and visible_fraction(placed, (), window) < _KEPT_VISIBLE:
        return False
    return all(
        visible_fraction(things[index], (*things[index + 1 :], placed), window) >= _KEPT_VISIBLE
        for index in touched
        if things[index].category is not None
    )


def _probes(shape: Shape) -> F64:
    """Return the points of a grid over the shape's extent that lie on the shape."""
    edge = solid_points(shape)
    steps = (np.arange(_PROBES_A_SIDE) + 0.5)[:, None] / _PROBES_A_SIDE
    low, high = edge.min(axis=0), edge.max(axis=0)
    x, y = (low + (high - low) * steps).T
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return grid[covers(shape, grid)]


def _extents_meet(one: Placed, other: Placed) -> bool:
    a, b = one.extent_px, other.extent_px
    return bool((a[:2] < b[2:]).all() and (b[:2] < a[2:]).all())
