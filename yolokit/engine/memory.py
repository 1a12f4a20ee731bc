"""How much memory this training holds, and how much is left for it."""

from __future__ import annotations

import contextlib
import sys

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
    """Return what is left: of the machine, the container or this process, whichever has least."""
    left = limit_free_bytes(int(psutil.virtual_memory().available))
    if sys.platform == "win32":
        return left
    import resource

    most, _hard = resource.getrlimit(resource.RLIMIT_AS)  # `ulimit -v`
    if most == resource.RLIM_INFINITY:
        return left
    return max(0, min(left, most - int(psutil.Process().memory_info().vms)))
