"""Sixteen classes of other parts, to train the checkpoint that the demo starts from.

None of them is a class of the demo; belt, light and camera are the same.
"""

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
    wire,
)

if TYPE_CHECKING:
    from yolokit.jobs.demo.rng import Rng

_METALS = ("steel", "zinc", "brass", "black", "copper", "steel", "zinc", "blue", "red")
_PAINTED = (*_METALS, "red", "blue", "yellow", "green", "orange")
_PLASTIC = ("black", "red", "blue", "yellow", "green", "orange", "nylon")


def _key(rng: Rng) -> Shape:
    bow = rng.uniform(0.15, 0.19)
    stem = rng.uniform(0.035, 0.05)
    right = [0.5 - 0.09 * i for i in range(rng.integer(2, 3))]
    bits = [box(x - 0.055, stem * 0.5, x, rng.uniform(0.1, 0.15)) for x in right]
    x = bow - 0.5
    head = circle(bow, x) if rng.chance(0.5) else moved(circle(bow, sides=8), x, turn=1 / 16)
    eye = circle(bow * rng.uniform(0.35, 0.6), x)
    rod = round_box(x, -stem, 0.5, stem, stem * 0.5)
    return (Layer((rod, *bits, head), (eye,)),)


def _spring(rng: Rng) -> Shape:
    turns = rng.integer(6, 10)
    radius = rng.uniform(0.11, 0.19)
    pen = min(0.032, 0.36 / turns)
    x = [pen - 0.5 + (1.0 - 2 * pen) * i / (2 * turns) for i in range(2 * turns + 1)]
    front, back = (
        tuple(capsule((x[i], -y), (x[i + 1], y), pen) for i in range(first, 2 * turns, 2))
        for first, y in ((0, radius), (1, -radius))
    )
    return (
        Layer(back, rise=pen, bevel=pen, tint="dark"),
        Layer(front, base=radius, rise=pen, bevel=pen),
    )


def _angle_bracket(rng: Rng) -> Shape:
    width = rng.uniform(0.2, 0.27)
    leg = rng.uniform(0.32, 0.5)
    inner = (width - 0.5, leg - width)
    outline = points(
        (-0.5, -leg), (inner[0], -leg), inner, (0.5, inner[1]), (0.5, leg), (-0.5, leg)
    )
    hole = width * rng.uniform(0.18, 0.26)
    x, y = width / 2 - 0.5, leg - width / 2
    ends = ((x, width * 0.6 - leg), (0.5 - width * 0.6, y), (x, y))
    return (Layer((outline,), tuple(circle(hole, *end) for end in ends)),)


def _tee_bracket(rng: Rng) -> Shape:
    half = rng.uniform(0.08, 0.11)
    drop = rng.uniform(0.3, 0.45)
    bar = round_box(-0.5, -drop, 0.5, 2 * half - drop, 0.02)
    stem = round_box(-half, -drop, half, drop, 0.02)
    hole = half * rng.uniform(0.36, 0.5)
    ends = ((-0.4, half - drop), (0.4, half - drop), (0.0, drop - 0.1))
    return (Layer((bar, stem), tuple(circle(hole, *end) for end in ends)),)


def _cotter_pin(rng: Rng) -> Shape:
    pen = rng.uniform(0.024, 0.032)
    eye = rng.uniform(0.09, 0.12)
    splay = rng.uniform(0.0, 0.14)
    y = pen * 1.05
    long = points((0.5 - pen, y + splay), (-0.1, y))
    short = points((-0.1, -y), (rng.uniform(0.28, 0.42), -y - splay * 0.6))
    path = np.concatenate([long, arc(eye, 0.1, 0.9, eye + pen - 0.5), short])
    return (Layer(wire(path, pen), rise=pen, bevel=pen),)


def _clip(rng: Rng) -> Shape:
    pen = rng.uniform(0.02, 0.028)
    half = rng.uniform(0.13, 0.16)
    inner = half * 0.66
    bends = (
        arc(half - pen, 0.75, 1.25, 0.5 - half),
        arc(half - pen * 2.2, 0.25, 0.75, half - 0.5, pen * 1.2),
        arc(inner, 0.75, 1.25, 0.32 - inner),
    )
    path = np.concatenate([points((-0.22, pen - half)), *bends, points((-0.26, inner))])
    return (Layer(wire(path, pen), rise=pen, bevel=pen),)


def _hook(rng: Rng) -> Shape:
    pen = rng.uniform(0.035, 0.05)
    bend = rng.uniform(0.16, 0.21)
    eye = rng.uniform(0.085, 0.11)
    x = 0.5 - bend - pen
    start, end = points((2 * eye - 0.5, -bend)), points((x - rng.uniform(0.02, 0.16), bend))
    path = np.concatenate([start, arc(bend, 0.75, 1.25, x), end])
    half = pen * 0.7
    ring, hole = (circle(radius, eye + half - 0.5, -bend) for radius in (eye + half, eye - half))
    return (
        Layer(wire(path, pen), rise=pen, bevel=pen),
        Layer((ring,), (hole,), rise=half, bevel=half),
    )


def _spanner(rng: Rng) -> Shape:
    jaw = rng.uniform(0.11, 0.14)
    ring = jaw * rng.uniform(0.8, 1.0)
    stem = jaw * rng.uniform(0.36, 0.48)
    left, right = jaw - 0.5, 0.5 - ring
    mouth = points((-0.18, 0.45), (0.1, 0.405), (0.35, 0.0), (0.1, -0.405), (-0.18, -0.45))
    head = np.concatenate([arc(jaw, -0.4, 0.4, left), mouth * jaw + (left, 0.0)])
    bar = box(left + jaw * 0.6, -stem, right, stem)
    groove = box(left + jaw * 1.5, -stem * 0.5, right - ring * 1.2, stem * 0.5)
    return (
        Layer((head, bar, circle(ring, right)), (circle(ring * 0.58, right, sides=12),)),
        Layer((groove,), base=0.02, rise=0.004, tint="dark", detail=True),
    )


def _chain_link(rng: Rng) -> Shape:
    radius = rng.uniform(0.19, 0.24)
    waist = radius * rng.uniform(0.5, 0.7)
    x = 0.5 - radius
    plate = (circle(radius, -x), circle(radius, x), box(-x, -waist, x, waist))
    pin = radius * rng.uniform(0.42, 0.55)
    pins = (circle(pin, -x), circle(pin, x))
    return (
        Layer(plate, rise=0.06),
        Layer(pins, base=0.07, bevel=pin * 0.5, tint="steel", detail=True),
    )


def _cam(rng: Rng) -> Shape:
    base = rng.uniform(0.27, 0.32)
    nose = rng.uniform(0.1, 0.16)
    x, tip = base - 0.5, 0.5 - nose
    # A common tangent touches both circles where its normal's x is this.
    cos = (base - nose) / (tip - x)
    sin = float(np.sqrt(1.0 - cos * cos))
    normals = points((cos, -sin), (cos, sin))
    flank = np.concatenate([normals * base + (x, 0.0), normals[::-1] * nose + (tip, 0.0)])
    bore = base * rng.uniform(0.36, 0.5)
    cuts = (circle(bore, x), box(x - bore * 1.35, -bore * 0.3, x, bore * 0.3))
    return (Layer((circle(base, x), circle(nose, tip), flank), cuts, rise=0.12),)


def _fork(rng: Rng) -> Shape:
    half = rng.uniform(0.16, 0.21)
    prong = half * rng.uniform(0.32, 0.42)
    stem = half * rng.uniform(0.4, 0.55)
    root = rng.uniform(-0.05, 0.08)
    inner = half - prong
    end = root + 0.02 + inner
    yoke = round_box(root - 0.14, -half, end, half, 0.06)
    upper = round_box(root, -half, 0.5, -inner, prong * 0.45)
    lower = round_box(root, inner, 0.5, half, prong * 0.45)
    rod = round_box(-0.5, -stem, root, stem, stem * 0.4)
    slot = (circle(inner, end), box(root + inner, -inner, 0.6, inner))
    return (
        Layer((rod,), rise=stem, bevel=stem),
        Layer((yoke, upper, lower), slot, base=0.03, rise=0.08),
    )


def _cross_joint(rng: Rng) -> Shape:
    arm = rng.uniform(0.085, 0.12)
    cap = arm * 1.25
    bar = round_box(-0.5, -arm, 0.5, arm, arm * 0.2)
    end = round_box(0.33, -cap, 0.5, cap, cap * 0.25)
    ends = tuple(moved(end, turn=i / 4) for i in range(4))
    return (
        Layer((bar, moved(bar, turn=0.25)), rise=arm, bevel=arm),
        Layer(ends, rise=cap, bevel=cap, tint="steel"),
        Layer((circle(arm * 1.7),), base=arm * 0.8, rise=0.06, bevel=arm * 0.8),
    )


def _star_knob(rng: Rng) -> Shape:
    lobes = rng.integer(4, 6)
    depth = rng.uniform(0.05, 0.085)
    insert = rng.uniform(0.1, 0.15)
    return (
        Layer((lobed(lobes, 0.5 - depth, depth),), rise=0.2, bevel=0.17),
        Layer((circle(insert * 1.5),), base=0.2, rise=0.02, bevel=0.02, detail=True),
        Layer((circle(insert),), base=0.2, tint="brass", detail=True),
    )


def _wing_nut(rng: Rng) -> Shape:
    boss = rng.uniform(0.15, 0.19)
    wing = rng.uniform(0.11, 0.15)
    lift = rng.uniform(0.02, 0.1)
    x = 0.5 - wing * 1.25
    tips = tuple(circle(wing) * (1.25, 1.0) + (side, -lift) for side in (-x, x))
    arms = tuple(capsule((side, -lift), (0.0, 0.0), wing * 0.62) for side in (-x, x))
    bore = (circle(boss * 0.5),)
    return (
        Layer((*tips, *arms), bore, rise=0.1, bevel=wing * 0.6),
        Layer((circle(boss),), bore, base=0.06, rise=0.14, bevel=0.05),
    )


def _hinge(rng: Rng) -> Shape:
    half = rng.uniform(0.3, 0.42)
    barrel = rng.uniform(0.045, 0.06)
    hole = rng.uniform(0.032, 0.045)
    gap = barrel * 0.3
    leaves = (round_box(-half, -0.5, -gap, 0.5, 0.03), round_box(gap, -0.5, half, 0.5, 0.03))
    eyes = tuple(circle(hole, x * half * 0.6, y) for x in (-1, 1) for y in (-0.36, 0.0, 0.36))
    tops = [-0.488 + 0.2 * i for i in range(5)]
    knuckles = tuple(box(-barrel, top, barrel, top + 0.176) for top in tops)
    pin = box(-barrel * 0.8, -0.5, barrel * 0.8, 0.5)
    return (
        Layer(leaves, eyes, rise=0.03, bevel=0.015),
        Layer((pin,), base=0.02, rise=0.01, tint="dark"),
        Layer(knuckles, base=0.02, rise=barrel, bevel=barrel),
    )


def _rotor(rng: Rng) -> Shape:
    blades = rng.integer(3, 4)
    hub = rng.uniform(0.11, 0.15)
    wide = rng.uniform(0.1, 0.14)
    tip = arc(wide, -0.25, 0.25, 0.5 - wide, rng.uniform(0.0, 0.1))
    root = points((hub * 0.5, hub * 0.7), (hub * 0.5, -hub * 0.5))
    blade = np.concatenate([tip, root])
    return (
        Layer(tuple(moved(blade, turn=i / blades) for i in range(blades)), rise=0.06, bevel=wide),
        Layer((circle(hub),), (circle(hub * 0.4),), base=0.08, rise=0.1, bevel=0.05),
    )


PRETRAIN = (
    PartKind("key", _key, (58.0, 130.0), _METALS),
    PartKind("spring", _spring, (56.0, 130.0), _METALS),
    PartKind("angle_bracket", _angle_bracket, (48.0, 110.0), _PAINTED),
    PartKind("tee_bracket", _tee_bracket, (52.0, 120.0), _PAINTED),
    PartKind("cotter_pin", _cotter_pin, (60.0, 130.0), _METALS),
    PartKind("clip", _clip, (52.0, 110.0), _PAINTED),
    PartKind("hook", _hook, (52.0, 120.0), _METALS),
    PartKind("spanner", _spanner, (76.0, 160.0), _PAINTED),
    PartKind("chain_link", _chain_link, (38.0, 86.0), _METALS),
    PartKind("cam", _cam, (40.0, 92.0), _METALS),
    PartKind("fork", _fork, (58.0, 130.0), _PAINTED),
    PartKind("cross_joint", _cross_joint, (44.0, 96.0), _METALS),
    PartKind("star_knob", _star_knob, (36.0, 84.0), _PLASTIC),
    PartKind("wing_nut", _wing_nut, (46.0, 96.0), _METALS),
    PartKind("hinge", _hinge, (48.0, 110.0), _PAINTED),
    PartKind("rotor", _rotor, (54.0, 120.0), _PAINTED),
)
"""Classes of the set ``pretrain``; a class's index in a label is its place here."""
