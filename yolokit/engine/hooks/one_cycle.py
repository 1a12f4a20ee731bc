"""The rate rises and falls once in a run, from batch to batch (Smith and Topin, 2018)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from yolokit.engine.hooks.toolkit import Hook

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer

RISE = 0.3  # of the batches of a run; torch's defaults
FIRST = 1 / 25  # of the highest rate


class OneCycle(Hook):
    """Sets the rate of each optimizer step.

    It follows from the number of the batch alone: a resumed run needs to remember nothing. Unlike
    torch's, it leaves momentum as it is.
    """

    def on_gradients(self, trainer: YolokitTrainer) -> None:
        """Set the rate of the step that is about to be made."""
        batches = trainer.cadence.batches
        number = trainer.epoch * batches + trainer.batch_number - 1
        share = rate_at(number, total=batches * trainer.epochs, last=trainer.args.lrf)
        for group in trainer.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * share


def rate_at(batch: int, *, total: int, last: float) -> float:
    """Return the rate of a batch as a share of the highest.

    Source: ``torch.optim.lr_scheduler.OneCycleLR``, with cosines.

    Args:
        batch: Its number in the run, from 0.
        total: Batches of the run.
        last: Share at the end of the run.
    """
    if total < 2:
        return 1.0
    top = RISE * total - 1
    if batch <= top:
        return _cosine(FIRST, 1.0, batch / top)
    return _cosine(1.0, last, (batch - top) / (total - 1 - top))


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
