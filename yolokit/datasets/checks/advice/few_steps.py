"""Sets so small that an epoch has few steps of the optimizer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from yolokit.core.findings import Finding
from yolokit.core.plural import counted
from yolokit.datasets.facts import DatasetFacts

CODE = "few-steps"
TITLE = "few optimizer steps an epoch"
SEVERITY = "advice"
PURPOSES = ("train",)
HINT = "a smaller `nbs` in the YAML of --config makes more of them"
_NOMINAL_BATCH = 64
_LEAST_BATCH = 8
_WANTED_STEPS = 10
_EPOCHS = 100


def find(facts: DatasetFacts) -> Iterator[Finding]:
    """Yield how many steps an epoch has with the nominal batch, if fewer than ten.

    A fine-tuning takes some thousand steps, and the default is 100 epochs. Gradients are
    accumulated up to 64 images (``nbs``), whatever the batch.

    Source: ultralytics ``cfg/default.yaml``: ``nbs``, ``epochs``; ``engine/cadence.py``.
    """
    split = facts.statistics.splits.get("train")
    if split is None or not split.boxes:
        return
    steps = math.ceil(split.images / _NOMINAL_BATCH)
    if steps >= _WANTED_STEPS:
        return
    batch = _LEAST_BATCH
    while 2 * batch <= _NOMINAL_BATCH and split.images >= 2 * batch * _WANTED_STEPS:
        batch *= 2
    if batch == _NOMINAL_BATCH:
        return
    message = (
        f"{counted(split.images, 'image')} of train make {counted(steps, 'optimizer step')} an "
        f"epoch, {steps * _EPOCHS} in {_EPOCHS} epochs: a step takes {_NOMINAL_BATCH} images"
    )
    more = math.ceil(split.images / batch)
    hint = (
        f"`--batch {batch}` with `nbs: {batch}` in the YAML of --config makes "
        f"it {counted(more, 'step')} an epoch"
    )
    yield Finding(CODE, message, facts.path, hint)
