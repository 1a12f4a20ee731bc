"""Things on the belt that are not parts and have no label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.jobs.demo.outline import arc, capsule, circle, lobed, points, round_box, wire
from yolokit.jobs.demo.shape import Layer, PartKind, Shape

if TYPE_CHECKING:
    from yolokit.jobs.demo.rng import Rng


def _coin(_rng: Rng) -> Shape:
    return (
        Layer((circle(0.5),), rise=0.05, bevel=0.02),
        Layer((circle(0.43),), base=0.03, rise=0.008, bevel=0.02, detail=True),
        Layer((lobed(3, 0.17, 0.08),), base=0.035, rise=0.02, bevel=0.06, detail=True),
    )


def _paper(rng: Rng) -> Shape:
    corner = points((-0.5, -0.3), (0.5, -0.3), (0.5, 0.3), (-0.5, 0.3))
    torn = corner * np.array([
        [rng.uniform(0.6, 1.0), rng.uniform(0.6, 1.1)] for _ in range(4)
    ])  # fmt: skip
    return (Layer((torn,), rise=0.004, bevel=0.01, finish="print"),)


def _swarf(rng: Rng) -> Shape:
    pen = rng.uniform(0.025, 0.05)
    inner = rng.uniform(0.1, 0.16)
    count = 40
    turns = rng.uniform(1.2, 2.4)
    share = np.arange(count) / (count - 1)
    from yolokit.jobs.demo.outline import unit_vectors

    path = unit_vectors(share * turns) * (inner + (0.45 - inner) * share)[:, None]
    return (Layer(wire(path, pen), rise=pen, bevel=pen),)


def _chip(rng: Rng) -> Shape:
    bend = rng.uniform(0.25, 0.5)
    path = arc(0.42, 0.5 - bend / 2, 0.5 + bend / 2)
    return (Layer(wire(path, rng.uniform(0.04, 0.08)), rise=0.05, bevel=0.05),)


def _tie(rng: Rng) -> Shape:
    bow = rng.uniform(-0.16, 0.16)
    path = points((-0.45, 0.0), (-0.2, bow), (0.15, bow * 1.1), (0.46, 0.0))
    head = round_box(-0.5, -0.05, -0.38, 0.05, 0.02)
    return (Layer(wire(path, 0.022), rise=0.02, bevel=0.02, finish="matt"),
            Layer((head,), rise=0.06, bevel=0.02, finish="matt"))  # fmt: skip


def _splinter(rng: Rng) -> Shape:
    return (
        Layer((capsule((-0.48, 0.0), (0.46, rng.uniform(-0.05, 0.05)), 0.022),), rise=0.02,
              bevel=0.02, finish="matt"),
    )  # fmt: skip


DISTRACTORS = (
    PartKind("coin", _coin, (26.0, 46.0), ("brass", "copper", "zinc")),
    PartKind("paper", _paper, (26.0, 70.0), ("paper", "paper", "yellow")),
    PartKind("swarf", _swarf, (18.0, 42.0), ("steel", "brass")),
    PartKind("chip", _chip, (14.0, 32.0), ("steel", "brass", "zinc")),
    PartKind("tie", _tie, (50.0, 110.0), ("nylon", "black")),
    PartKind("splinter", _splinter, (24.0, 60.0), ("wood", "wood", "black")),
)
