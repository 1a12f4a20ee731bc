"""Locks of the operating system: each ends with the process that holds it, however that ends.

So they tell who is alive, where a process number cannot: containers on one disk count theirs from
1 each, and machines that share a network folder know nothing of each other's. What holds where:

- On a disk of this machine, between containers as well: always.
- On a network folder: between machines if server and client pass locks on, as SMB and NFS do
  unless one is mounted with ``nolock`` or ``local_lock``. With these, each machine sees its own
  processes alone, so two of them should not write to the same name.
- On a file system that refuses locks: :func:`take_lock` raises, and its callers say what then.

filelock takes them on all three systems.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.errors import FetchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from filelock import BaseFileLock


@contextlib.contextmanager
def hold_alone(path: Path, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a file in the store; wait for a process that holds it.

    Args:
        path: The file that is to be written; its lock is a hidden file beside it.
        on_wait: Called once if there is something to wait for.

    Raises:
        FetchError: The store cannot be written to.
    """
    place = _name_lock(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = take_lock(place, or_soft=True)
        if lock is None:
            on_wait()
            lock = take_lock(place, wait=True, or_soft=True)
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FetchError(
            f"cannot write to the store {path.parent}: {reason}",
            hint="YOLOKIT_HOME names a folder for the stores",
        ) from error
    assert lock is not None, "it was waited for"
    try:
        yield
    finally:
        drop_lock(lock)


def clear_lock(path: Path) -> None:
    """Remove the lock of a file that is whole, where a process that was killed has left it."""
    place = _name_lock(path)
    if not place.exists():
        return
    # A store may be there to be read alone; a lock that stays is but an empty file.
    with contextlib.suppress(OSError, NotImplementedError):
        lock = take_lock(place)
        if lock is not None:
            drop_lock(lock)


def _name_lock(path: Path) -> Path:
    return path.with_name(f".{path.name}.lock")


def take_lock(path: Path, *, wait: bool = False, or_soft: bool = False) -> BaseFileLock | None:
    """Lock a file, which is made for it; None if another process holds the lock.

    Args:
        path: The file; it has no content.
        wait: Wait for a process that holds it.
        or_soft: Where the file system has no locks, take a soft one: a file with a process number
            in it, which outlives its process.

    Raises:
        OSError: The file cannot be made or opened, or its file system has no locks.
    """
    import filelock

    lock = filelock.FileLock(path, thread_local=False, fallback_to_soft=or_soft)
    try:
        lock.acquire(blocking=wait)
    except filelock.Timeout:
        return None
    return lock


def drop_lock(lock: BaseFileLock) -> None:
    """Remove the lock's file and release it: whoever waits for it makes another."""
    path = Path(lock.lock_file)
    if os.name != "nt":  # there, what is open cannot be removed
        path.unlink(missing_ok=True)
    lock.release()
    if os.name == "nt":
        with contextlib.suppress(OSError):  # it is another process's by now, or seen by one
            path.unlink()
