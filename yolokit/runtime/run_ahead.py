"""Iterate over something in a thread of its own, a bounded number of items ahead."""

from __future__ import annotations

import atexit
import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

T = TypeVar("T")

# Waiting without a time limit cannot be interrupted by Ctrl-C on Windows.
_WAKE_UP_S = 0.5
_LAST_WAIT_S = 10.0


class RunAhead(Generic[T]):
    """An iterator whose items are made by a thread that starts at once.

    Items keep their order. What the producer raises is raised here, after the items before it.
    After ``stop`` there are no more items, even for a waiting caller; the thread ends as
    soon as the item it works on is done, and closes a generator that it iterates over. That is
    also what happens at the exit of the interpreter, where no one has called ``stop``.

    Args:
        items: What to iterate over; only the thread touches it.
        depth: Most finished items that wait here; the thread works on one more.
        name: Name of the thread.
    """

    def __init__(self, items: Iterable[T], *, depth: int, name: str) -> None:
        self._depth = depth
        self._ready: deque[T] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._ended = False
        self._stopped = False
        # A daemon: a producer that is stuck in the system must not keep the process alive.
        self._thread = threading.Thread(target=self._work, args=(items,), name=name, daemon=True)
        # The interpreter ends daemons wherever they are; within C++ that aborts the process.
        atexit.register(self._end)
        self._thread.start()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        with self._changed:
            while not (self._ready or self._ended or self._stopped):
                self._changed.wait(_WAKE_UP_S)
            if self._ready:
                item = self._ready.popleft()
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def stop(self) -> None:
        """Ask the thread to end, drop what is ready and wake everyone who waits."""
        with self._changed:
            self._stopped = True
            self._ready.clear()
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end after ``stop``; tell whether it did in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self, items: Iterable[T]) -> None:
        error: BaseException | None = None
        try:
            iterator = iter(items)
            try:
                while self._wait_for_room():
                    self._put(next(iterator))
            except StopIteration:
                pass
            finally:
                close = getattr(iterator, "close", None)
                if close is not None:
                    close()
        except BaseException as caught:  # noqa: BLE001 - raised again where the items are taken
            error = caught
        with self._changed:
            self._error, self._ended = error, True
            self._changed.notify_all()
        atexit.unregister(self._end)

    def _end(self) -> None:
        self.stop()
        self.join(_LAST_WAIT_S)

    def _wait_for_room(self) -> bool:
        """Wait until one more item may be made; False after ``stop``."""
        with self._changed:
            while len(self._ready) >= self._depth and not self._stopped:
                self._changed.wait()
            return not self._stopped

    def _put(self, item: T) -> None:
        with self._changed:
            if not self._stopped:
                self._ready.append(item)
                self._changed.notify_all()
