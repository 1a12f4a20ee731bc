"""Sets so small that an epoch has few steps of the optimizer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import learnt_split
from yolokit.datasets.facts import DatasetFacts

CODE = "few-steps"
TITLE = "few optimizer steps an epoch"
SEVERITY = "advice"
PURPOSES = ("train",)
HINT = "`yolokit train --set nbs=16` makes more of them, since a step then takes fewer images"
_NOMINAL_BATCH = 64
_LEAST_BATCH = 8
_FEW_STEPS = 5
_WANTED_STEPS = 10
_EPOCHS = 100


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield how many steps an epoch has with the nominal batch, if fewer than five.

    Gradients are accumulated up to 64 images (``nbs``), whatever the batch, and 100 epochs are the
    default: fewer than 500 steps. With ten an epoch they are a thousand.

    Source: ultralytics ``cfg/default.yaml``: ``nbs``, ``epochs``; ``engine/cadence.py``.
    """
    if learnt_split(facts) != "train":
        return
    split = facts.statistics.splits["train"]
    steps = math.ceil(split.images / _NOMINAL_BATCH)
    if steps >= _FEW_STEPS:
        return
    batch = _NOMINAL_BATCH
    while batch > _LEAST_BATCH and split.images < batch * _WANTED_STEPS:
        batch //= 2
    message = (
        f"{counted(split.images, 'image')} of train make {counted(steps, 'optimizer step')} an "
        f"epoch, {steps * _EPOCHS} in {_EPOCHS} epochs: a step takes {_NOMINAL_BATCH} images"
    )
    more = math.ceil(split.images / batch)
    way = f"yolokit train --batch {batch} --set nbs={batch}"
    hint = f"`{way}` makes it {counted(more, 'step')} an epoch"
    yield Finding(CODE, message, facts.path, hint)
