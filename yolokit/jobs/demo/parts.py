"""The four classes of the demo, and the distractors: things on the belt that have no label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.jobs.demo.shapes import (
    Layer,
    PartKind,
    Shape,
    arc,
    box,
    capsule,
    circle,
    lobed,
    moved,
    points,
    round_box,
    unit_vectors,
    wire,
)

if TYPE_CHECKING:
    from yolokit.jobs.demo.rng import Rng
    from yolokit.jobs.demo.shapes import Outline

_METALS = ("steel", "steel", "zinc", "zinc", "brass", "black")


def _bolt(rng: Rng) -> Shape:
    """A hex bolt lying on its side, head at the left."""
    head = rng.uniform(0.13, 0.20)
    half = rng.uniform(0.15, 0.21)
    radius = half * rng.uniform(0.52, 0.62)
    shank = -0.5 + head
    start = shank + rng.pick((0.02, 0.02, 0.25, 0.35))
    pitch = radius * 0.42
    rod = _threaded(start, radius, pitch)
    plain = box(shank - 0.02, -radius * 0.96, start + 0.02, radius * 0.96)
    facet = box(-0.485, -half * 0.5, shank, half * 0.5)
    return (
        Layer((plain, rod), rise=radius, bevel=radius * 0.96),
        Layer((rod,), rise=radius, bevel=radius, thread=pitch, detail=True),
        Layer((round_box(-0.5, -half, shank, half, 0.02),), rise=half * 0.9, bevel=half * 0.75),
        Layer((facet,), base=half, rise=0.02, detail=True),
    )


def _threaded(start: float, radius: float, pitch: float) -> Outline:
    """Return a rod whose edges are saw-toothed by its thread, with a chamfered tip."""
    index = np.arange(2 * int((0.47 - start) / pitch) + 1)
    x = start + index * (pitch / 2)
    y = np.where(index % 2 == 0, radius * 0.92, radius)
    # The helix climbs by half a turn from one edge to the other, so the edges are in opposition.
    upper = np.stack((x, -y), axis=-1)
    lower = np.stack((x, radius * 1.92 - y), axis=-1)
    tip = points((0.5, -radius * 0.68), (0.5, radius * 0.68))
    return np.concatenate([upper, tip, lower[::-1]])


def _nut(rng: Rng) -> Shape:
    """A hex nut seen from above: plain, with a flange, or with a nylon ring."""
    style = rng.pick(("plain", "plain", "flange", "nylon"))
    hole = rng.uniform(0.22, 0.28)
    corner = 0.41 if style == "flange" else 0.5
    across = corner * 0.866
    bore = circle(hole)
    flange = Layer((circle(0.5),), (bore,), rise=0.07, bevel=0.06)
    ring = Layer((circle(hole * 1.34),), (bore,), base=0.3, tint="blue", detail=True)
    return (
        *((flange,) if style == "flange" else ()),
        Layer((circle(corner, sides=6),), (bore,), base=0.02, rise=0.26, bevel=0.05),
        Layer((circle(across),), (bore,), base=0.27, bevel=across * 0.16, detail=True),
        *((ring,) if style == "nylon" else ()),
        Layer((circle(hole * 1.13),), (bore,), base=0.12, rise=0.1, tint="dark", detail=True),
    )


def _washer(rng: Rng) -> Shape:
    """A flat washer; the share of its hole varies from penny to standard washers."""
    hole = circle(rng.uniform(0.17, 0.31))
    return (Layer((circle(0.5),), (hole,), rise=0.045, bevel=rng.uniform(0.02, 0.045)),)


def _gear(rng: Rng) -> Shape:
    """A spur gear with a hub, a keyed bore and sometimes holes in its web."""
    count = rng.integer(11, 22)
    root = 0.5 - rng.uniform(0.8, 1.15) / count
    rim = root - rng.uniform(0.05, 0.09)
    hub = rng.uniform(0.15, 0.21)
    bore = hub * rng.uniform(0.45, 0.62)
    keyed = (circle(bore), box(0.0, -bore * 0.36, bore * 1.3, bore * 0.36))
    cuts: tuple[Outline, ...] = keyed
    if rng.chance(0.5):
        eye = circle((rim - hub) * rng.uniform(0.26, 0.34), (rim + hub) / 2)
        spokes = rng.integer(4, 6)
        cuts += tuple(moved(eye, turn=i / spokes) for i in range(spokes))
    web = Layer((circle(rim),), cuts, base=0.09, rise=0.005, detail=True)
    return (
        Layer((_toothed(count, root),), cuts, rise=0.14, bevel=0.025),
        *((web,) if rng.chance(0.7) else ()),
        Layer((circle(hub),), keyed, base=0.1, rise=0.12, detail=True),
    )


def _toothed(count: int, root: float) -> Outline:
    """Return trapezoid teeth on a circle of radius ``root``; their tips lie on radius 0.5."""
    offsets = np.array([-0.31, -0.15, 0.0, 0.15, 0.31, 0.5])
    radii = np.array([root, 0.5, 0.5, 0.5, root, root])
    turns = (np.arange(count)[:, None] + offsets) / count
    outline: Outline = unit_vectors(turns.reshape(-1)) * np.tile(radii, count)[:, None]
    return outline


def _coin(_rng: Rng) -> Shape:
    return (
        Layer((circle(0.5),), rise=0.05, bevel=0.02),
        Layer((circle(0.43),), base=0.03, rise=0.008, bevel=0.02, detail=True),
        Layer((lobed(3, 0.17, 0.08),), base=0.035, rise=0.02, bevel=0.06, detail=True),
    )


def _paper(rng: Rng) -> Shape:
    shares = [[rng.uniform(0.6, 1.0), rng.uniform(0.6, 1.1)] for _ in range(4)]
    torn = box(-0.5, -0.3, 0.5, 0.3) * np.array(shares)
    lines = [box(-0.22, y, 0.22, y + 0.03) for y in (-0.13, -0.05, 0.03, 0.11)]
    return (
        Layer((torn,), rise=0.004, bevel=0.01),
        Layer(tuple(lines), rise=0.004, tint="dark", detail=True),
    )


def _swarf(rng: Rng) -> Shape:
    pen = rng.uniform(0.025, 0.05)
    inner = rng.uniform(0.1, 0.16)
    share = np.linspace(0.0, 1.0, 40)
    turns = share * rng.uniform(1.2, 2.4)
    spiral = unit_vectors(turns) * (inner + (0.45 - inner) * share)[:, None]
    return (Layer(wire(spiral, pen), rise=pen, bevel=pen),)


def _chip(rng: Rng) -> Shape:
    bend = rng.uniform(0.25, 0.5)
    path = arc(0.42, 0.5 - bend / 2, 0.5 + bend / 2)
    return (Layer(wire(path, rng.uniform(0.04, 0.08)), rise=0.05, bevel=0.05),)


def _tie(rng: Rng) -> Shape:
    bow = rng.uniform(-0.16, 0.16)
    path = points((-0.45, 0.0), (-0.2, bow), (0.15, bow * 1.1), (0.46, 0.0))
    head = round_box(-0.5, -0.05, -0.38, 0.05, 0.02)
    return Layer(wire(path, 0.022), rise=0.02, bevel=0.02), Layer((head,), bevel=0.02)


def _splinter(rng: Rng) -> Shape:
    bar = capsule((-0.48, 0.0), (0.46, rng.uniform(-0.05, 0.05)), 0.022)
    return (Layer((bar,), rise=0.02, bevel=0.02),)


BELT = (
    PartKind("bolt", _bolt, (62.0, 120.0), _METALS),
    PartKind("nut", _nut, (32.0, 62.0), _METALS),
    PartKind("washer", _washer, (30.0, 66.0), _METALS),
    PartKind("gear", _gear, (52.0, 112.0), (*_METALS, "nylon", "copper")),
)
"""Classes of the demo; a class's index in a label is its place here."""

DISTRACTORS = (
    PartKind("coin", _coin, (26.0, 46.0), ("brass", "copper", "zinc")),
    PartKind("paper", _paper, (26.0, 70.0), ("paper", "paper", "yellow")),
    PartKind("swarf", _swarf, (18.0, 42.0), ("steel", "brass")),
    PartKind("chip", _chip, (14.0, 32.0), ("steel", "brass", "zinc")),
    PartKind("tie", _tie, (50.0, 110.0), ("nylon", "black")),
    PartKind("splinter", _splinter, (24.0, 60.0), ("wood", "wood", "black")),
)
