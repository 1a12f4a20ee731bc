"""Locks of the operating system: each ends with the process that holds it, however that ends.

So they tell who is alive, where a process number cannot: containers on one disk count theirs from
1 each, and machines that share a network folder know nothing of each other's. What holds where:

- On a disk of this machine, between containers as well: always.
- On a network folder: between machines if server and client pass locks on, as SMB and NFS do
  unless one is mounted with ``nolock`` or ``local_lock``. With these, each machine sees its own
  processes alone, so two of them should not write to the same name.
- On a file system that refuses locks: :func:`take_lock` raises, and its callers say what then.
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


def take_lock(path: Path, *, wait: bool = False) -> BaseFileLock | None:
    """Lock an empty file, which is made for it; None if another process holds the lock.

    With ``wait``, that process is waited for.

    Raises:
        OSError: The file cannot be made or opened, or its file system has no locks.
    """
    import filelock

    # A soft lock is a file with a process number in it: it outlives its process.
    lock = filelock.FileLock(path, thread_local=False, fallback_to_soft=False)
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


@contextlib.contextmanager
def hold_alone(path: Path, *, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock of a file in the store that is to be written; wait for a process that has it.

    The lock is an empty hidden file beside it, which stays: removing it while another process
    waits for it would let both in. ``on_wait`` is called once if there is something to wait for.

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
