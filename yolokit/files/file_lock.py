"""One process at a time: locks of the operating system, which end with the process that holds them.

filelock does this on all three systems. Its empty files stay under hidden names: removing
one while another process waits for it would let both in.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from yolokit.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def hold_alone(path: Path, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a file in the store; wait for a process that holds it.

    Args:
        path: The file that is to be written; its lock is a hidden file beside it.
        on_wait: Called once if there is something to wait for.

    Raises:
        FetchError: The store cannot be written to.
    """
    import filelock

    lock = filelock.FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            on_wait()
            lock.acquire(poll_interval=0.2)
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FetchError(
            f"cannot write to the store {path.parent}: {reason}",
            hint="YOLOKIT_HOME names a folder for the stores",
        ) from error
    try:
        yield
    finally:
        lock.release()
