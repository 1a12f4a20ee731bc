"""The four classes of the demo: bolts, nuts, washers and gears."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from yolokit.jobs.demo.outline import box, circle, moved, points, regular, round_box, teeth
from yolokit.jobs.demo.shape import Layer, PartKind, Shape

if TYPE_CHECKING:
    from yolokit.jobs.demo.outline import Outline
    from yolokit.jobs.demo.rng import Rng

METALS = ("steel", "steel", "zinc", "zinc", "brass", "black")


def _bolt(rng: Rng) -> Shape:
    """Return a hex bolt lying on its side, head at the left."""
    head = rng.uniform(0.13, 0.20)
    half_head = rng.uniform(0.15, 0.21)
    radius = half_head * rng.uniform(0.52, 0.62)
    shank_start = -0.5 + head
    thread_start = shank_start + rng.pick((0.02, 0.02, 0.25, 0.35))
    threaded = _threaded(thread_start, 0.5, radius, pitch=radius * 0.42)
    plain = box(shank_start - 0.02, -radius * 0.96, thread_start + 0.02, radius * 0.96)
    facet = half_head * 0.5
    return (
        Layer((plain, threaded), rise=radius, bevel=radius * 0.96),
        Layer((threaded,), rise=radius, bevel=radius, finish="thread", detail=True),
        Layer(
            (round_box(-0.5, -half_head, shank_start, half_head, 0.02),),
            base=0.02,
            rise=half_head * 0.9,
            bevel=half_head * 0.75,
        ),
        Layer(
            (box(-0.485, -facet, shank_start, facet),),
            base=half_head,
            rise=0.02,
            bevel=0.03,
            detail=True,
        ),
        Layer(
            (box(shank_start - 0.025, -half_head * 0.94, shank_start, half_head * 0.94),),
            base=0.02,
            rise=half_head,
            bevel=half_head * 0.9,
            detail=True,
        ),
    )


def _threaded(start: float, end: float, radius: float, *, pitch: float) -> Outline:
    """Return a rod whose edges are saw-toothed by its thread, with a chamfered tip."""
    count = int((end - 0.03 - start) / pitch)
    x = start + np.arange(2 * count + 1) * (pitch / 2)
    y = np.where(np.arange(2 * count + 1) % 2 == 0, radius * 0.92, radius)
    # The helix climbs by half a turn from one edge to the other, so the edges are in opposition.
    upper = np.stack((x, -y), axis=-1)
    lower = np.stack((x, radius * 1.92 - y), axis=-1)
    tip = points((end, -radius * 0.68), (end, radius * 0.68))
    return np.concatenate([upper, tip, lower[::-1]])


def _nut(rng: Rng) -> Shape:
    """Return a hex nut seen from above: plain, with a flange, or with a nylon ring."""
    style = rng.pick(("plain", "plain", "flange", "nylon"))
    hole = rng.uniform(0.22, 0.28)
    corner = 0.5 if style != "flange" else 0.41
    across = corner * 0.8660254037844386
    bore = circle(hole)
    layers = [
        Layer((regular(6, corner),), (bore,), base=0.02, rise=0.26, bevel=0.05),
        Layer((circle(across),), (bore,), base=0.27, rise=0.05, bevel=across * 0.16, detail=True),
    ]
    if style == "flange":
        layers[0] = replace(layers[0], detail=True)
        layers.insert(0, Layer((circle(0.5),), (bore,), rise=0.07, bevel=0.06))
    if style == "nylon":
        layers.append(
            Layer(
                (circle(hole * 1.34),),
                (bore,),
                base=0.3,
                rise=0.04,
                bevel=0.03,
                tint="insert",
                detail=True,
            )
        )
    thread = circle(hole * 1.13)
    layers.append(Layer((thread,), (bore,), base=0.12, rise=0.10, tint="dark", detail=True))
    return tuple(layers)


def _washer(rng: Rng) -> Shape:
    """Return a flat washer; the share of its hole varies from penny to standard washers."""
    hole = rng.uniform(0.17, 0.31)
    return (
        Layer(
            (circle(0.5),), (circle(hole),), rise=0.045, bevel=rng.uniform(0.02, 0.045),
            finish="spun",
        ),
    )  # fmt: skip


def _gear(rng: Rng) -> Shape:
    """Return a spur gear with a hub, a keyed bore and sometimes holes in its web."""
    count = rng.integer(11, 22)
    root = 0.5 - rng.uniform(0.8, 1.15) / count
    rim = root - rng.uniform(0.05, 0.09)
    hub = rng.uniform(0.15, 0.21)
    bore = hub * rng.uniform(0.45, 0.62)
    key = bore * 0.36
    cuts: tuple[Outline, ...] = (circle(bore), box(0.0, -key, bore * 1.3, key))
    if rng.chance(0.5):
        middle = (rim + hub) / 2
        radius = (rim - hub) * rng.uniform(0.26, 0.34)
        spokes = rng.integer(4, 6)
        cuts += tuple(moved(circle(radius, middle), turn=i / spokes) for i in range(spokes))
    outline = teeth(count, root, 0.5, root_share=0.62, tip_share=0.3)
    web = rng.chance(0.7)
    layers = [Layer((outline,), cuts, rise=0.14, bevel=0.025, finish="spun")]
    if web:
        layers.append(
            Layer((circle(rim),), cuts, base=0.09, rise=0.005, finish="spun", detail=True)
        )
    layers.append(Layer((circle(hub),), cuts[:2], base=0.1, rise=0.12, bevel=0.03, detail=True))
    return tuple(layers)


BELT = (
    PartKind("bolt", _bolt, (62.0, 120.0), METALS),
    PartKind("nut", _nut, (32.0, 62.0), METALS),
    PartKind("washer", _washer, (30.0, 66.0), METALS),
    PartKind("gear", _gear, (52.0, 112.0), (*METALS, "nylon", "copper")),
)
"""Classes of the demo; a class's index in a label is its place here."""
