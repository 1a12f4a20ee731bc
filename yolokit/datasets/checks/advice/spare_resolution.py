"""Resolutions of training that are higher than the objects need."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.findings import Finding
from yolokit.datasets.checks.toolkit import learnt_split
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.statistics import training_sides_px

CODE = "spare-resolution"
TITLE = "a resolution higher than the objects need"
SEVERITY = "advice"
PURPOSES = ("train", "source")
HINT = "`yolokit train` with a lower --imgsz"
_ENOUGH_PX = 32.0
_FEW = 0.05
_STEP_PX = 32
_LEAST_IMGSZ = 320


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield a lower resolution if 95 % of the boxes are still 32 px a side there, or more.

    That is what COCO calls a small object's end. The time falls with the square of the side; told
    from three quarters of the side on, which is half of the time.
    """
    sides_px = np.sqrt(training_sides_px(facts.table, facts.imgsz).prod(axis=1))
    known = sides_px[sides_px > 0]
    if learnt_split(facts) is None or not len(known):
        return
    needed = facts.imgsz * _ENOUGH_PX / float(np.quantile(known, _FEW))
    imgsz = max(_LEAST_IMGSZ, int(np.ceil(needed / _STEP_PX) * _STEP_PX))
    if imgsz > 0.75 * facts.imgsz:
        return
    faster = (facts.imgsz / imgsz) ** 2
    message = (
        f"95 % of the objects would be {_ENOUGH_PX:.0f} px a side or more at --imgsz {imgsz} "
        f"still, which is {faster:.1f} times as fast as {facts.imgsz}"
    )
    yield Finding(CODE, message, facts.path, f"try `yolokit train --imgsz {imgsz}` first")
