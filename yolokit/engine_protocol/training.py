"""What the engine and the record of a training agree on."""

from __future__ import annotations

import math

import msgspec


class UsedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a training computes with, once everything left open is chosen.

    Attributes:
        images: Images of the train split that an epoch shows.
        batch: Images of a batch, on all devices together.
        batches: Batches of an epoch.
        accumulate: Batches of a whole optimizer step; the last step of an epoch may have fewer.
        steps_per_epoch: Optimizer steps of an epoch after the warm-up.
        steps: Optimizer steps of all epochs.
        warmup_batches: Batches in which the rates rise to ``lr0``.
        warmup_bias_lr: Rate at which biases begin the warm-up.
        optimizer: Name of the class.
        lr0: Rate after the warm-up.
        lr0_reason: Why auto took it, where it is not upstream's choice.
        momentum: Momentum of SGD, first beta of the kin of Adam.
        weight_decay: As the optimizer has it: scaled by upstream where ``nbs`` is not a multiple.
        workers: Processes that load images; 0 for the training's own.
        threads: Threads that compute on a CPU at first; None on another device.
    """

    images: int
    batch: int
    batches: int
    accumulate: int
    steps_per_epoch: int
    steps: int
    warmup_batches: int
    warmup_bias_lr: float
    optimizer: str
    lr0: float
    lr0_reason: str | None = None
    momentum: float
    weight_decay: float
    workers: int
    threads: int | None


def is_better(fitness: float | None, best: float | None) -> bool:
    """Tell whether an epoch replaces the best one before it.

    Of equal epochs the first stays, which is the one that patience counts from. As long as
    nothing could be measured, or nothing was found, the last is taken: it has learnt longest.

    Args:
        fitness: mAP50-95 of the epoch; None if it was not validated.
        best: The highest of the epochs before it; None if none was validated.
    """
    if best is None or math.isnan(best):
        return True
    if fitness is None or math.isnan(fitness):
        return False
    return fitness > best or fitness == best == 0
