"""Objects that are too small at the resolution of training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.core.types import F64
from yolokit.core.units import describe_share
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.statistics import training_sides_px

CODE = "small-objects"
TITLE = "objects too small for the resolution"
SEVERITY = "advice"
PURPOSES = ("train", "source")
HINT = "`yolokit train` with a higher --imgsz, or images cut by `yolokit data convert --tile 640`"
_SMALL_PX = 8.0
_TOLD_SHARE = 0.05
_STEP_PX = 32
_MOST_IMGSZ = 1280  # four times the time of 640 already; beyond, tiles serve better


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield how many boxes are under 8 px, the stride of the finest grid, if a twentieth are.

    The side of a box is the square root of its area. Such an object fills less than one cell.
    """
    sides_px = np.sqrt(training_sides_px(facts.table, facts.imgsz).prod(axis=1))
    known = sides_px[sides_px > 0]
    small = int((known < _SMALL_PX).sum())
    if not small or small < _TOLD_SHARE * len(known):
        return
    boxes = counted(small, "box is", "boxes are")
    message = (
        f"{boxes} under {_SMALL_PX:.0f} px a side at --imgsz {facts.imgsz} "
        f"({describe_share(small, len(known))}), less than a cell of the finest grid"
    )
    yield Finding(CODE, message, facts.path, _suggest(facts, known))


def _suggest(facts: DatasetFacts, sides_px: F64) -> str:
    """Return the least resolution that helps, or how to cut images where none does."""
    longest = np.median(facts.table.images.wh_px.max(axis=1))
    needed = facts.imgsz * _SMALL_PX / np.quantile(sides_px, _TOLD_SHARE)
    imgsz = int(np.ceil(needed / _STEP_PX) * _STEP_PX)
    if imgsz <= min(_MOST_IMGSZ, np.ceil(longest / _STEP_PX) * _STEP_PX):
        times = (imgsz / facts.imgsz) ** 2
        return f"`yolokit train --imgsz {imgsz}` would do, in {times:.1f} times the time"
    if longest > facts.imgsz:
        return (
            f"cut the images with `yolokit data convert --tile {facts.imgsz}`: most are "
            f"{longest:.0f} px long, and are shrunk to {facts.imgsz}"
        )
    return (
        "the images show no more than that: `yolokit train --arch yolo26n-p2` has a finer grid, "
        "and `yolokit data convert --min-area 64` leaves such boxes out"
    )
