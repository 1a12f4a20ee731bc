"""Limits the time of what could go on forever although no single read times out.

Time-outs of a connection start anew with every byte: headers, or the framing of a body, that come
a byte at a time would never exceed one.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING, Self

from yolokit.hub.source import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOOK_S = 0.2


class Deadline:
    """Gives up a connection from a thread of its own when something takes too long.

    Args:
        give_up: Closes the connection, so that whoever reads from it gets an error at once.
    """

    def __init__(self, give_up: Callable[[], None]) -> None:
        self._give_up = give_up
        self._due_s = math.inf
        self._expired = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Allow the body of the block this long.

        Raises:
            SourceError: It took longer, and the connection was given up.
        """
        self._due_s = time.monotonic() + seconds
        try:
            yield
        except Exception as error:
            if self._expired:
                raise SourceError(f"did not end within {seconds:g} s", transient=True) from error
            raise
        finally:
            self._due_s = math.inf

    def _watch(self) -> None:
        # Looking now and then costs less than a signal for every chunk that comes in time.
        while not self._ended.wait(_LOOK_S):
            if time.monotonic() > self._due_s:
                self._expired = True
                self._give_up()
                return
