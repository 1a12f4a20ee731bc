"""How much memory this training holds, and how much is left for it."""

from __future__ import annotations

import contextlib

import psutil  # as ultralytics needs it: it knows all three systems

from yolokit.core.machine import limit_free_bytes


def read_memory_bytes() -> int:
    """Return the resident memory of this process and of those that load images for it.

    What they share is counted once for each.
    """
    process = psutil.Process()
    total = int(process.memory_info().rss)
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            total += int(child.memory_info().rss)
    return total


def read_free_bytes() -> int:
    """Return the memory that is left: of the machine, or of the container if that has less."""
    return limit_free_bytes(int(psutil.virtual_memory().available))
