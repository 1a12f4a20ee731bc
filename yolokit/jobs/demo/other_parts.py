"""Sixteen classes of other parts, to train the checkpoint that the demo starts from.

None of them is a class of the demo; belt, light and camera are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.jobs.demo.outline import (
    arc,
    box,
    capsule,
    circle,
    ellipse,
    lobed,
    moved,
    points,
    regular,
    round_box,
    wire,
)
from yolokit.jobs.demo.shape import Layer, PartKind, Shape

if TYPE_CHECKING:
    from yolokit.jobs.demo.rng import Rng

METALS = ("steel", "zinc", "brass", "black", "copper", "steel", "zinc", "blue", "red")
PAINTED = (*METALS, "red", "blue", "yellow", "green", "orange")
PLASTIC = ("black", "red", "blue", "yellow", "green", "orange", "nylon")


def _key(rng: Rng) -> Shape:
    bow = rng.uniform(0.15, 0.19)
    stem = rng.uniform(0.035, 0.05)
    bits = rng.integer(2, 3)
    x = -0.5 + bow
    comb = tuple(
        box(0.5 - 0.09 * i - 0.055, stem * 0.5, 0.5 - 0.09 * i, rng.uniform(0.1, 0.15))
        for i in range(bits)
    )
    head = circle(bow, x) if rng.chance(0.5) else moved(regular(8, bow, turn=1 / 16), x)
    eye = circle(bow * rng.uniform(0.35, 0.6), x)
    rod = round_box(x, -stem, 0.5, stem, stem * 0.5)
    return (Layer((rod, *comb, head), (eye,), rise=0.05, bevel=0.03),)


def _spring(rng: Rng) -> Shape:
    turns = rng.integer(6, 10)
    radius = rng.uniform(0.11, 0.19)
    pen = min(0.032, 0.36 / turns)
    pitch = (1.0 - 2 * pen) / turns
    left = -0.5 + pen
    back = tuple(
        capsule((left + (i + 0.5) * pitch, radius), (left + (i + 1) * pitch, -radius), pen)
        for i in range(turns)
    )
    front = tuple(
        capsule((left + i * pitch, -radius), (left + (i + 0.5) * pitch, radius), pen)
        for i in range(turns)
    )
    return (
        Layer(back, rise=pen, bevel=pen, tint="dark"),
        Layer(front, base=radius, rise=pen, bevel=pen),
    )


def _angle_bracket(rng: Rng) -> Shape:
    width = rng.uniform(0.2, 0.27)
    leg = rng.uniform(0.32, 0.5)
    outline = points(
        (-0.5, -leg), (-0.5 + width, -leg), (-0.5 + width, leg - width), (0.5, leg - width),
        (0.5, leg), (-0.5, leg),
    )  # fmt: skip
    hole = width * rng.uniform(0.18, 0.26)
    middle = -0.5 + width / 2
    across = leg - width / 2
    eyes = (circle(hole, middle, -leg + width * 0.6), circle(hole, 0.5 - width * 0.6, across),
            circle(hole, middle, across))  # fmt: skip
    return (Layer((outline,), eyes, rise=0.04, bevel=0.025),)


def _tee_bracket(rng: Rng) -> Shape:
    half = rng.uniform(0.08, 0.11)
    drop = rng.uniform(0.3, 0.45)
    bar = round_box(-0.5, -drop, 0.5, -drop + 2 * half, 0.02)
    stem = round_box(-half, -drop, half, drop, 0.02)
    hole = half * rng.uniform(0.36, 0.5)
    eyes = (circle(hole, -0.4, half - drop), circle(hole, 0.4, half - drop),
            circle(hole, 0.0, drop - 0.1))  # fmt: skip
    return (Layer((bar, stem), eyes, rise=0.04, bevel=0.025),)


def _cotter_pin(rng: Rng) -> Shape:
    pen = rng.uniform(0.024, 0.032)
    eye = rng.uniform(0.09, 0.12)
    splay = rng.uniform(0.0, 0.14)
    x = -0.5 + eye + pen
    loop = arc(eye, 0.1, 0.9, x)
    short = rng.uniform(0.28, 0.42)
    path = np.concatenate([
        points((0.5 - pen, pen * 1.05 + splay), (-0.1, pen * 1.05)),
        loop,
        points((-0.1, -pen * 1.05), (short, -pen * 1.05 - splay * 0.6)),
    ])  # fmt: skip
    return (Layer(wire(path, pen), rise=pen, bevel=pen),)


def _clip(rng: Rng) -> Shape:
    pen = rng.uniform(0.02, 0.028)
    half = rng.uniform(0.13, 0.16)
    inner = half * 0.66
    path = np.concatenate([
        points((-0.22, -half + pen)),
        arc(half - pen, 0.75, 1.25, 0.5 - half),
        arc(half - pen * 2.2, 0.25, 0.75, -0.5 + half) + np.array([0.0, pen * 1.2]),
        arc(inner, 0.75, 1.25, 0.32 - inner),
        points((-0.26, inner)),
    ])  # fmt: skip
    return (Layer(wire(path, pen), rise=pen, bevel=pen),)


def _hook(rng: Rng) -> Shape:
    pen = rng.uniform(0.035, 0.05)
    bend = rng.uniform(0.16, 0.21)
    eye = rng.uniform(0.085, 0.11)
    x = 0.5 - bend - pen
    path = np.concatenate([
        points((-0.5 + 2 * eye, -bend)),
        arc(bend, 0.75, 1.25, x),
        points((x - rng.uniform(0.02, 0.16), bend)),
    ])  # fmt: skip
    ring = circle(eye + pen * 0.7, -0.5 + eye + pen * 0.7, -bend)
    hole = circle(eye - pen * 0.7, -0.5 + eye + pen * 0.7, -bend)
    return (
        Layer(wire(path, pen), rise=pen, bevel=pen),
        Layer((ring,), (hole,), rise=pen * 0.7, bevel=pen * 0.7),
    )


def _spanner(rng: Rng) -> Shape:
    jaw = rng.uniform(0.11, 0.14)
    ring = jaw * rng.uniform(0.8, 1.0)
    stem = jaw * rng.uniform(0.36, 0.48)
    left = -0.5 + jaw
    gap = jaw * 0.45
    mouth = np.concatenate([
        arc(jaw, -0.4, 0.4, left),
        points((left - gap * 0.4, gap), (left + jaw * 0.1, gap * 0.9), (left + jaw * 0.35, 0.0),
               (left + jaw * 0.1, -gap * 0.9), (left - gap * 0.4, -gap)),
    ])  # fmt: skip
    bar = box(left + jaw * 0.6, -stem, 0.5 - ring, stem)
    groove = round_box(left + jaw * 1.5, -stem * 0.5, 0.5 - ring * 2.2, stem * 0.5, stem * 0.3)
    eye = moved(regular(12, ring * 0.58), 0.5 - ring)
    return (
        Layer((mouth, bar, circle(ring, 0.5 - ring)), (eye,), rise=0.05, bevel=0.022),
        Layer((groove,), base=0.02, rise=0.004, tint="dark", detail=True),
    )


def _chain_link(rng: Rng) -> Shape:
    radius = rng.uniform(0.19, 0.24)
    waist = radius * rng.uniform(0.5, 0.7)
    x = 0.5 - radius
    plate = (circle(radius, -x), circle(radius, x), box(-x, -waist, x, waist))
    pin = radius * rng.uniform(0.42, 0.55)
    return (
        Layer(plate, rise=0.06, bevel=0.03),
        Layer((circle(pin, -x), circle(pin, x)), base=0.07, rise=0.05, bevel=pin * 0.5,
              tint="steel", detail=True),
    )  # fmt: skip


def _cam(rng: Rng) -> Shape:
    base = rng.uniform(0.27, 0.32)
    nose = rng.uniform(0.1, 0.16)
    x = -0.5 + base
    tip = 0.5 - nose
    # A common tangent touches both circles where its normal's x is this.
    cos = (base - nose) / (tip - x)
    sin = float(np.sqrt(1.0 - cos * cos))
    flank = points(
        (x + base * cos, -base * sin), (tip + nose * cos, -nose * sin),
        (tip + nose * cos, nose * sin), (x + base * cos, base * sin),
    )  # fmt: skip
    bore = base * rng.uniform(0.36, 0.5)
    cuts = (circle(bore, x), box(x - bore * 1.35, -bore * 0.3, x, bore * 0.3))
    return (
        Layer((circle(base, x), circle(nose, tip), flank), cuts, rise=0.12, bevel=0.03,
              finish="spun"),
    )  # fmt: skip


def _fork(rng: Rng) -> Shape:
    half = rng.uniform(0.16, 0.21)
    prong = half * rng.uniform(0.32, 0.42)
    stem = half * rng.uniform(0.4, 0.55)
    root = rng.uniform(-0.05, 0.08)
    inner = half - prong
    yoke = round_box(root - 0.14, -half, root + 0.02 + inner, half, 0.06)
    arms = tuple(round_box(root, y - prong / 2, 0.5, y + prong / 2, prong * 0.45)
                 for y in (-half + prong / 2, half - prong / 2))  # fmt: skip
    rod = round_box(-0.5, -stem, root, stem, stem * 0.4)
    slot = (circle(inner, root + 0.02 + inner), box(root + inner, -inner, 0.6, inner))
    return (
        Layer((rod,), rise=stem, bevel=stem),
        Layer((yoke, *arms), slot, base=0.03, rise=0.08, bevel=0.035),
    )


def _cross_joint(rng: Rng) -> Shape:
    arm = rng.uniform(0.085, 0.12)
    cap = arm * 1.25
    bars = (round_box(-0.5, -arm, 0.5, arm, arm * 0.2), round_box(-arm, -0.5, arm, 0.5, arm * 0.2))
    caps = tuple(moved(round_box(0.33, -cap, 0.5, cap, cap * 0.25), turn=i / 4) for i in range(4))
    return (
        Layer(bars, rise=arm, bevel=arm),
        Layer(caps, rise=cap, bevel=cap, tint="steel"),
        Layer((circle(arm * 1.7),), base=arm * 0.8, rise=0.06, bevel=arm * 0.8),
    )


def _star_knob(rng: Rng) -> Shape:
    lobes = rng.integer(4, 6)
    depth = rng.uniform(0.05, 0.085)
    insert = rng.uniform(0.1, 0.15)
    return (
        Layer((lobed(lobes, 0.5 - depth, depth),), rise=0.2, bevel=0.17, finish="matt"),
        Layer((circle(insert * 1.5),), base=0.2, rise=0.02, bevel=0.02, finish="matt", detail=True),
        Layer((circle(insert),), base=0.2, rise=0.05, bevel=0.04, tint="insert", detail=True),
    )


def _wing_nut(rng: Rng) -> Shape:
    boss = rng.uniform(0.15, 0.19)
    wing = rng.uniform(0.11, 0.15)
    lift = rng.uniform(0.02, 0.1)
    x = 0.5 - wing * 1.25
    wings = (
        ellipse(wing * 1.25, wing, -x, -lift), capsule((-x, -lift), (0.0, 0.0), wing * 0.62),
        ellipse(wing * 1.25, wing, x, -lift), capsule((0.0, 0.0), (x, -lift), wing * 0.62),
    )  # fmt: skip
    bore = (circle(boss * 0.5),)
    return (
        Layer(wings, bore, rise=0.1, bevel=wing * 0.6),
        Layer((circle(boss),), bore, base=0.06, rise=0.14, bevel=0.05),
    )


def _hinge(rng: Rng) -> Shape:
    half = rng.uniform(0.3, 0.42)
    barrel = rng.uniform(0.045, 0.06)
    hole = rng.uniform(0.032, 0.045)
    leaves = (round_box(-half, -0.5, -barrel * 0.3, 0.5, 0.03),
              round_box(barrel * 0.3, -0.5, half, 0.5, 0.03))  # fmt: skip
    eyes = tuple(circle(hole, x * half * 0.6, y) for x in (-1, 1) for y in (-0.36, 0.0, 0.36))
    knuckles = tuple(box(-barrel, -0.5 + 0.2 * i + 0.012, barrel, -0.3 + 0.2 * i - 0.012)
                     for i in range(5))  # fmt: skip
    return (
        Layer(leaves, eyes, rise=0.03, bevel=0.015),
        Layer((box(-barrel * 0.8, -0.5, barrel * 0.8, 0.5),), base=0.02, rise=0.01, tint="dark"),
        Layer(knuckles, base=0.02, rise=barrel, bevel=barrel),
    )


def _rotor(rng: Rng) -> Shape:
    blades = rng.integer(3, 4)
    hub = rng.uniform(0.11, 0.15)
    wide = rng.uniform(0.1, 0.14)
    sweep = rng.uniform(0.0, 0.1)
    blade = np.concatenate([
        points((hub * 0.5, -hub * 0.5)),
        arc(wide, -0.25, 0.25, 0.5 - wide, sweep),
        points((hub * 0.5, hub * 0.7)),
    ])  # fmt: skip
    leaves = tuple(
        Layer((moved(blade, turn=i / blades),), rise=0.03, bevel=0.03, slope_xy=tilt)
        for i in range(blades)
        for tilt in [tuple(moved(points((0.0, 0.35)), turn=i / blades)[0].tolist())]
    )
    return (*leaves, Layer((circle(hub),), (circle(hub * 0.4),), base=0.08, rise=0.1, bevel=0.05))


OTHER = (
    PartKind("key", _key, (58.0, 130.0), METALS),
    PartKind("spring", _spring, (56.0, 130.0), METALS),
    PartKind("angle_bracket", _angle_bracket, (48.0, 110.0), PAINTED),
    PartKind("tee_bracket", _tee_bracket, (52.0, 120.0), PAINTED),
    PartKind("cotter_pin", _cotter_pin, (60.0, 130.0), METALS),
    PartKind("clip", _clip, (52.0, 110.0), PAINTED),
    PartKind("hook", _hook, (52.0, 120.0), METALS),
    PartKind("spanner", _spanner, (76.0, 160.0), PAINTED),
    PartKind("chain_link", _chain_link, (38.0, 86.0), METALS),
    PartKind("cam", _cam, (40.0, 92.0), METALS),
    PartKind("fork", _fork, (58.0, 130.0), PAINTED),
    PartKind("cross_joint", _cross_joint, (44.0, 96.0), METALS),
    PartKind("star_knob", _star_knob, (36.0, 84.0), PLASTIC),
    PartKind("wing_nut", _wing_nut, (46.0, 96.0), METALS),
    PartKind("hinge", _hinge, (48.0, 110.0), PAINTED),
    PartKind("rotor", _rotor, (54.0, 120.0), PAINTED),
)
"""Classes of the set ``pretrain``; a class's index in a label is its place here."""
