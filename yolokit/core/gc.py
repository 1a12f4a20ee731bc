"""Python's collector of cyclic garbage, which bulk work has none for: paused, or seldom run."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SELDOM = 70_000  # new objects; Python's own limit is 700


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause it while many objects are made, none of them garbage: it may double the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def collector_seldom() -> Iterator[None]:
    """Run it a hundred times less often while objects stream through and few cycles are made.

    Each run looks at what a data set keeps in memory as well: a fifth of a conversion's time.
    """
    thresholds = gc.get_threshold()
    if thresholds[0]:  # 0 is how a program turns it off
        gc.set_threshold(max(_SELDOM, thresholds[0]), *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
