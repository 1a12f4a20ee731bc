"""Iterate over something in threads of their own, a bounded number of items ahead."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

S = TypeVar("S")
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


@dataclass(frozen=True, slots=True)
class _Failure:
    """What stands in the place of an item that could not be made."""

    error: BaseException


class RunAhead(Generic[T]):
    """A queue of items that are made by threads, which start at once.

    Items keep their order, however many threads make them. What the producer raises is raised
    here, after the items before it. After ``stop`` there are no more items, even for a waiting
    caller; the threads end as soon as the items they work on are done, and a generator that they
    iterate over is closed. That is also what happens at the exit of the interpreter, where no one
    has called ``stop``.

    Args:
        items: What to iterate over; one of the threads at a time does.
        make: What to make of each item, in all threads at once; without it items stay as they are.
        depth: Most items that are being made or wait here.
        name: Name of the threads.
        workers: How many threads, at most ``depth``.
        policy: What happens to a new item when ``depth`` items wait; ``newest`` is for one thread.
        stop: Once it is requested, ``take`` returns nothing more, within half a second.

    Attributes:
        dropped: How many items were dropped for newer ones.
    """

    @overload
    def __init__(
        self,
        items: Iterable[T],
        *,
        depth: int,
        name: str,
        policy: QueuePolicy = "block",
        stop: Stop | None = None,
    ) -> None: ...

    @overload
    def __init__(
        self,
        items: Iterable[S],
        make: Callable[[S], T],
        *,
        depth: int,
        name: str,
        workers: int = 1,
        policy: QueuePolicy = "block",
        stop: Stop | None = None,
    ) -> None: ...

    def __init__(
        self,
        items: Iterable[Any],
        make: Callable[[Any], Any] | None = None,
        *,
        depth: int,
        name: str,
        workers: int = 1,
        policy: QueuePolicy = "block",
        stop: Stop | None = None,
    ) -> None:
        if not 1 <= workers <= (depth if policy == "block" else 1):
            raise ValueError(f"{workers} threads cannot fill a queue of {depth}, policy {policy}")
        self.dropped = 0
        self._items = items
        self._iterator: Iterator[Any] | None = None
        self._make = make
        self._depth = depth
        self._policy = policy
        self._stop_request = stop or Stop()
        self._drawing = threading.Lock()  # held by the one thread that iterates
        self._changed = threading.Condition()
        self._drawn = self._arranged = self._taken = 0  # how many items got so far
        self._made: dict[int, T | _Failure] = {}  # by number; some before them are not yet made
        self._ready: deque[T] = deque()
        self._error: BaseException | None = None
        self._working = workers
        self._exhausted = self._ended = self._stopped = False
        # Daemons: a producer that is stuck in the system must not keep the process alive.
        self._threads = [
            threading.Thread(target=self._work, name=name, daemon=True) for _ in range(workers)
        ]
        # The interpreter ends daemons wherever they are; within C++ that aborts the process.
        atexit.register(self._end)
        for thread in self._threads:
            thread.start()

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
            self._taken += len(taken)
            self._changed.notify_all()
            if taken:
                return taken
            error, self._error = self._error, None
        if error is not None:
            raise error
        return []

    def stop(self) -> None:
        """Ask the threads to end, drop what is ready and wake everyone who waits."""
        with self._changed:
            self._stopped = True
            self._ready.clear()
            self._changed.notify_all()

    def join(self, timeout_s: float) -> bool:
        """Wait for the threads to end after ``stop``; tell whether they did in time."""
        deadline_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _is_over(self) -> bool:
        return self._ended or self._stopped or self._stop_request.is_requested

    def _work(self) -> None:
        while self._make_one():
            pass
        with self._changed:
            self._working -= 1
            if self._working:
                return
        error = self._close_items()
        with self._changed:
            self._error = self._error or error
            self._ended = True
            self._changed.notify_all()
        atexit.unregister(self._end)

    def _make_one(self) -> bool:
        """Make the next item; tell whether there may be another."""
        with self._drawing:
            if not self._wait_for_room():
                return False
            number = self._drawn
            self._drawn += 1
            try:
                if self._iterator is None:
                    self._iterator = iter(self._items)
                item = next(self._iterator)
            except StopIteration:
                self._exhausted = True
                return False
            except BaseException as error:  # noqa: BLE001 - raised where the items are taken
                return self._put(number, _Failure(error))
        try:
            made = item if self._make is None else self._make(item)
        except BaseException as error:  # noqa: BLE001 - raised where the items are taken
            return self._put(number, _Failure(error))
        return self._put(number, made)

    def _close_items(self) -> BaseException | None:
        """Close a generator, and return what it raises."""
        try:
            with closing_iterator(() if self._iterator is None else self._iterator):
                return None
        except BaseException as error:  # noqa: BLE001 - raised where the items are taken
            return error

    def _end(self) -> None:
        self.stop()
        self.join(_LAST_WAIT_S)

    def _wait_for_room(self) -> bool:
        """Wait until one more item may be made; False after the last one."""
        with self._changed:
            while self._policy == "block" and self._is_full() and not self._is_last():
                self._changed.wait()
            return not self._is_last()

    def _is_last(self) -> bool:
        return self._stopped or self._exhausted

    def _is_full(self) -> bool:
        return self._drawn - self._taken - self.dropped >= self._depth

    def _put(self, number: int, outcome: T | _Failure) -> bool:
        """Keep an item until those before it are made; tell whether there may be another."""
        with self._changed:
            if isinstance(outcome, _Failure):
                self._exhausted = True
            self._made[number] = outcome
            while not self._ended and self._arranged in self._made:
                self._arrange(self._made.pop(self._arranged))
            self._changed.notify_all()
            return not self._is_last()

    def _arrange(self, outcome: T | _Failure) -> None:
        """Append what is next in order to what is ready."""
        self._arranged += 1
        if isinstance(outcome, _Failure):
            self._error, self._ended = outcome.error, True
        elif not self._stopped:
            if len(self._ready) >= self._depth:  # under the policy `newest` only
                self._ready.popleft()
                self.dropped += 1
            self._ready.append(outcome)
