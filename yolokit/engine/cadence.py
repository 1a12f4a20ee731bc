"""When the optimizer steps: arithmetic on batches alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

_LONGEST_WARMUP = 1 / 3  # of the batches of a run on a small set


@dataclass(frozen=True, slots=True)
class Cadence:
    """How many batches make an optimizer step.

    A step has ``full`` batches, or in the warm-up fewer, as upstream has it; and each epoch ends
    with a step of the batches that are left. Upstream carries those into the next epoch, loses
    them after the last one and at each resumption, and makes no step at all on a set so small
    that a run has fewer batches than a step. Gradients are sums over images, so a short step
    weighs each image as a full step does.

    Attributes:
        batches: Batches of an epoch.
        full: Batches of a whole step.
        warmup: Batches of the warm-up, from the first epoch on.
    """

    batches: int
    full: int
    warmup: int

    @classmethod
    def fit(cls, *, batches: int, full: int, warmup: int, epochs: int) -> Cadence:
        """Fit what was asked for to a small set, one whose epoch is less than a whole step.

        There an epoch is one step, and the warm-up, which upstream measures in epochs, takes at
        most a third of the run. On larger sets everything is as asked for.
        """
        if full > batches:
            warmup = min(warmup, int(batches * epochs * _LONGEST_WARMUP))
        return cls(batches, min(full, batches), warmup)

    def is_due(self, epoch: int, batch: int, pending: int) -> bool:
        """Tell whether to step after a batch.

        Args:
            epoch: Its epoch, from 0.
            batch: Its number in the epoch, from 0.
            pending: Batches since the last step, this one included.
        """
        return batch + 1 == self.batches or pending >= self._wanted(epoch * self.batches + batch)

    def count_steps(self, epoch: int) -> int:
        """Return how many steps an epoch makes, from 0."""
        if epoch * self.batches >= self.warmup:
            return math.ceil(self.batches / self.full)
        steps = pending = 0
        for batch in range(self.batches):
            pending += 1
            if self.is_due(epoch, batch, pending):
                steps, pending = steps + 1, 0
        return steps

    def _wanted(self, number: int) -> int:
        """Return the batches of a step that ends with this batch of the run; upstream's ramp."""
        if number >= self.warmup:
            return self.full
        return max(1, round(1 + (self.full - 1) * number / self.warmup))
