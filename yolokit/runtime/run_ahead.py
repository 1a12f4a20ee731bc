"""Iterate over something in a thread of its own, a bounded number of items ahead."""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

# What happens to a new item when the queue is full: the thread waits, or the oldest item is
# dropped. The second is for live sources, where a late frame is worth nothing.
QueuePolicy: TypeAlias = Literal["block", "newest"]

# Waiting without a time limit cannot be interrupted by Ctrl-C on Windows.
_WAKE_UP_S = 0.5
_LAST_WAIT_S = 10.0


@contextlib.contextmanager
def closing_iterator(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Yield an iterator over something; if that is a generator, it is closed in the end."""
    iterator = iter(items)
    try:
        yield iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


class Stop:
    """A request to end a run early.

    Attributes:
        is_requested: Whether the run is to end.
        cut_short: Whether it ended before its last frame for this reason.
    """

    def __init__(self) -> None:
        self.is_requested = False
        self.cut_short = False

    def request(self) -> None:
        """Ask the run to end. A signal handler may call this: it takes no lock."""
        self.is_requested = True


class RunAhead(Generic[T]):
    """A queue of items that are made by a thread, which starts at once.

    Items keep their order. What the producer raises is raised here, after the items before it.
    After ``stop`` there are no more items, even for a waiting caller; the thread ends as
    soon as the item it works on is done, and closes a generator that it iterates over. That is
    also what happens at the exit of the interpreter, where no one has called ``stop``.

    Args:
        items: What to iterate over; only the thread touches it.
        depth: Most finished items that wait here; the thread works on one more.
        name: Name of the thread.
        policy: What happens to a new item when ``depth`` items wait.
        stop: Once it is requested, ``take`` returns nothing more, within half a second.

    Attributes:
        dropped: How many items were dropped for newer ones.
    """

    def __init__(
        self,
        items: Iterable[T],
        *,
        depth: int,
        name: str,
        policy: QueuePolicy = "block",
        stop: Stop | None = None,
    ) -> None:
        self.dropped = 0
        self._depth = depth
        self._policy = policy
        self._stop_request = stop or Stop()
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

    def take(self, count: int) -> list[T]:
        """Return the next items: ``count`` of them, or what is left; none after the last.

        With the policy ``newest`` it waits for one item only.

        Args:
            count: Most items to return, no more than ``depth``.

        Raises:
            BaseException: What the producer raised, once all items before it are taken.
        """
        enough = 1 if self._policy == "newest" else count
        with self._changed:
            while not (len(self._ready) >= enough or self._is_over()):
                self._changed.wait(_WAKE_UP_S)
            if self._stop_request.is_requested and (self._ready or not self._ended):
                self._stop_request.cut_short = True
                return []
            taken = [self._ready.popleft() for _ in range(min(count, len(self._ready)))]
            self._changed.notify_all()
            if taken:
                return taken
            error, self._error = self._error, None
        if error is not None:
            raise error
        return []

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

    def _is_over(self) -> bool:
        return self._ended or self._stopped or self._stop_request.is_requested

    def _work(self, items: Iterable[T]) -> None:
        error: BaseException | None = None
        try:
            with closing_iterator(items) as iterator, contextlib.suppress(StopIteration):
                while self._wait_for_room():
                    self._put(next(iterator))
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
            while self._policy == "block" and self._is_full() and not self._stopped:
                self._changed.wait()
            return not self._stopped

    def _is_full(self) -> bool:
        return len(self._ready) >= self._depth

    def _put(self, item: T) -> None:
        with self._changed:
            if self._stopped:
                return
            if self._is_full():  # under the policy `newest` only
                self._ready.popleft()
                self.dropped += 1
            self._ready.append(item)
            self._changed.notify_all()
