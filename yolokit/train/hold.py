"""Whether a run is going on: its folder has a lock that ends with the process that trains."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from yolokit.errors import TrainError
from yolokit.files.locks import drop_lock, take_lock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock

LOCK_NAME = ".run.lock"


@contextlib.contextmanager
def hold_run(run_dir: Path) -> Iterator[None]:
    """Hold a run, so that no other process trains in its folder, in another container either.

    On a file system without locks nothing is held: a run that was killed there can still be
    resumed. :mod:`yolokit.files.locks` says how far locks reach.

    Raises:
        TrainError: Another process holds it.
    """
    lock = _lock(run_dir)
    try:
        yield
    finally:
        if lock is not None:
            drop_lock(lock)


def _lock(run_dir: Path) -> BaseFileLock | None:
    try:
        lock = take_lock(run_dir / LOCK_NAME)
    except OSError:  # there are none
        return None
    if lock is None:
        raise TrainError(
            f"the run {run_dir} is still going on, in another process",
            hint="wait until it ends, or stop that process",
        )
    return lock
