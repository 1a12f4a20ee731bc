"""How many threads compute on a CPU: as many as there are cores that nobody else keeps busy.

The threads of a step wait for each other hundreds of times. Where one of them shares its core with
another program, all wait until the system has given it its turn, and a step takes many times as
long as on one thread.
"""

from __future__ import annotations

import os
import time

from yolokit.core.machine import read_idle_s

_WINDOW_S = 2.0


class Pace:
    """Sets torch's threads by what others do with the cores meanwhile.

    Attributes:
        threads: Threads that compute now.
    """

    def __init__(self, cores: int, *, fixed: bool) -> None:
        """Begin to watch.

        Args:
            cores: Threads to use where all cores are free.
            fixed: Use as many whatever others do.
        """
        self.threads = self._cores = cores
        self._fixed = fixed or cores == 1 or read_idle_s() is None
        self._seen = _look()

    def apply(self) -> None:
        """Have torch compute on so many threads as there were free cores since the last look.

        Cheap, so that it can be called between any two steps; it looks every few seconds.
        """
        import torch

        if not self._fixed and time.monotonic() - self._seen[0] > _WINDOW_S:
            before, self._seen = self._seen, _look()
            self.threads = count_free(self._cores, before, self._seen)
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)


def count_free(wanted: int, before: tuple[float, ...], after: tuple[float, ...]) -> int:
    """Return how many of the wanted cores were idle or ours between two looks, at least one.

    Args:
        wanted: Cores that this process may use.
        before: Time, idle time of all cores, and our own work, in seconds.
        after: The same, later.
    """
    elapsed_s, idle_s, own_s = (now - then for now, then in zip(after, before, strict=True))
    return max(1, min(wanted, round((idle_s + own_s) / elapsed_s)))


def _look() -> tuple[float, float, float]:
    own = os.times()
    own_s = own.user + own.system + own.children_user + own.children_system
    return time.monotonic(), read_idle_s() or 0.0, own_s
