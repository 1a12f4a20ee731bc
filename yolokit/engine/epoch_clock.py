"""What the time of an epoch goes into: waiting for images, computing, validation."""

from __future__ import annotations

import time


class EpochClock:
    """The clock of one epoch, from its creation on.

    On a GPU, computing goes on while the next batch is awaited, so ``wait_s`` may be a little
    more than what is lost.

    Attributes:
        wait_s: Time in which training waited for images, the start of processes included.
        val_s: Time of the validation.
    """

    def __init__(self) -> None:
        self._began = self._since = time.monotonic()
        self.wait_s = 0.0
        self.val_s = 0.0

    def start_batch(self) -> None:
        """Note that a batch of images is there."""
        self.wait_s += time.monotonic() - self._since

    def end_batch(self) -> None:
        """Note that the next batch is awaited."""
        self._since = time.monotonic()

    def start_validation(self) -> None:
        """Note that validation begins."""
        self._since = time.monotonic()

    def end_validation(self) -> None:
        """Note that validation ends."""
        self.val_s = time.monotonic() - self._since

    @property
    def seconds(self) -> float:
        """Time since the epoch began."""
        return time.monotonic() - self._began
