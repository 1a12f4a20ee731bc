"""Scenes of parts on a belt and their labels: pure geometry, the same on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from yolokit.jobs.demo.distractors import DISTRACTORS
from yolokit.jobs.demo.outline import contains, direction, rotate
from yolokit.jobs.demo.shape import Placed, extent_of, shift, transform_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from yolokit.jobs.demo.outline import F64
    from yolokit.jobs.demo.rng import Rng
    from yolokit.jobs.demo.shape import PartKind, Shape

MIN_VISIBLE = 0.25
"""A part is labelled where at least this share of its surface is in the picture and uncovered.

The share is counted on a grid of points over the part.
"""
MIN_SIDE_PX = 4.0
"""A label's box, clipped at the picture's edge, is at least this wide and high."""

_KEPT_VISIBLE = 0.6  # a part that is put down leaves at least this much of each other one
_TRIES = 24
_PROBES_A_SIDE = 12


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """parts and distractors on a stretch of belt, from the lowest to the uppermost.

    Attributes:
        wh_px: Width and height of the stretch.
        things: Everything that lies on it.
    """

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

    def take_back(self, dealt: tuple[int, PartKind]) -> None:
        """Put a class back that found no place."""
        self._bag.append(dealt)


def build_scene(
    dealer: Dealer,
    rng: Rng,
    *,
    wh_px: tuple[int, int],
    part_count: int,
    distractor_count: int,
    zoom: float,
) -> Scene:
    """Put parts and distractors on the belt, some of them over others or over the picture's edge.

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
        dealt = (None, rng.pick(DISTRACTORS)) if is_distractor else dealer.deal()
        placed = _find_place(things, dealt, rng, wh_px=wh_px, zoom=zoom)
        if placed is not None:
            things.append(placed)
        elif dealt[0] is not None:
            dealer.take_back((dealt[0], dealt[1]))
    return Scene(wh_px, tuple(things))


def labels_of(scene: Scene, window_xyxy: tuple[int, int, int, int] | None = None) -> list[Label]:
    """Label the parts that are seen in a window of the scene.

    Args:
        scene: Where the parts lie.
        window_xyxy: The picture in scene px; None is the whole scene.

    Returns:
        Labels in the order in which the parts were put down, in window px.
    """
    left, top, right, bottom = window_xyxy or (0, 0, *scene.wh_px)
    labels = []
    for index, thing in enumerate(scene.things):
        if thing.category is None:
            continue
        x1, y1, x2, y2 = thing.extent_px
        box = (
            round(max(x1 - left, 0.0), 2),
            round(max(y1 - top, 0.0), 2),
            round(min(x2, right) - left, 2),
            round(min(y2, bottom) - top, 2),
        )
        if box[2] - box[0] < MIN_SIDE_PX or box[3] - box[1] < MIN_SIDE_PX:
            continue
        seen = visible_fraction(thing, scene.things[index + 1 :], (left, top, right, bottom))
        if seen >= MIN_VISIBLE:
            labels.append(Label(thing.category, box, index))
    return labels


def visible_fraction(
    thing: Placed, above: Sequence[Placed], window_xyxy: tuple[float, float, float, float]
) -> float:
    """Return the share of a part's surface that is in the window and not covered.

    Args:
        thing: The part.
        above: What was put down after it.
        window_xyxy: The picture in scene px.

    Returns:
        A multiple of 1 / (number of probes), in [0, 1].
    """
    left, top, right, bottom = window_xyxy
    probes = thing.probes_px
    x, y = probes[:, 0], probes[:, 1]
    seen = (x >= left) & (x < right) & (y >= top) & (y < bottom)
    for other in above:
        if _extents_meet(thing, other):
            seen[seen] = ~covers(other.shape, probes[seen])
    return int(np.count_nonzero(seen)) / len(probes)


def covers(shape: Shape, xy: F64) -> NDArray[np.bool_]:
    """Tell which points lie under a shape, its holes left out.

    Args:
        shape: Layers in the frame of the points.
        xy: (N, 2) points.

    Returns:
        (N,) bool.
    """
    covered = np.zeros(len(xy), dtype=np.bool_)
    for layer in shape:
        if layer.detail:
            continue
        solid = np.zeros(len(xy), dtype=np.bool_)
        for outline in layer.solids:
            solid |= contains(outline, xy)
        for outline in layer.holes:
            solid &= ~contains(outline, xy)
        covered |= solid
    return covered


def put_down(
    kind: PartKind, category: int | None, shape: Shape, *, size_px: float, turn: float, flip: bool
) -> Placed:
    """Return a specimen at the origin, turned by ``turn`` turns, mirrored where ``flip`` is set."""
    cos, sin = direction(turn)
    side = -1.0 if flip else 1.0
    axes = ((cos, sin), (-sin * side, cos * side))
    turned = transform_shape(shape, size_px, axes)
    return Placed(
        kind=kind,
        category=category,
        shape=turned,
        size_px=size_px,
        axes=axes,
        centre_px=(0.0, 0.0),
        extent_px=extent_of(turned),
        probes_px=rotate(_probes(shape) * size_px, *axes),
    )


def _find_place(
    things: list[Placed],
    dealt: tuple[int | None, PartKind],
    rng: Rng,
    *,
    wh_px: tuple[int, int],
    zoom: float,
) -> Placed | None:
    """Try places until one leaves all parts visible; most parts want a place of their own."""
    category, kind = dealt
    shape = kind.build(rng)
    size_px = zoom * rng.uniform(*kind.size_px)
    part = put_down(kind, category, shape, size_px=size_px, turn=rng.random(), flip=rng.chance(0.5))
    alone = rng.chance(0.65)
    inset = size_px * (0.52 if rng.chance(0.75) else 0.2)
    for attempt in range(_TRIES):
        x, y = (rng.uniform(min(inset, side / 2), side - inset) for side in wh_px)
        placed = shift(part, x, y)
        touched = [index for index, other in enumerate(things) if _extents_meet(placed, other)]
        if touched and alone and attempt < _TRIES * 2 // 3:
            continue
        if _leaves_visible(things, touched, placed, wh_px):
            return placed
    return None


def _leaves_visible(
    things: list[Placed], touched: list[int], placed: Placed, wh_px: tuple[int, int]
) -> bool:
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
    x1, y1, x2, y2 = extent_of(shape)
    steps = (np.arange(_PROBES_A_SIDE) + 0.5) / _PROBES_A_SIDE
    x, y = np.meshgrid(x1 + (x2 - x1) * steps, y1 + (y2 - y1) * steps)
    grid = np.stack((x.reshape(-1), y.reshape(-1)), axis=-1)
    return grid[covers(shape, grid)]


def _extents_meet(one: Placed, other: Placed) -> bool:
    ax1, ay1, ax2, ay2 = one.extent_px
    bx1, by1, bx2, by2 = other.extent_px
    return ax1 < bx2 and bx1 < ax2 and ay1 < by2 and by1 < ay2
