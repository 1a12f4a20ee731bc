"""What ends the command line from outside: all of it ends as Ctrl-C does, tidied up.

``docker stop``, systemd and SLURM send SIGTERM, a closed terminal SIGHUP; without a handler of
its own the first process of a container would not even notice. Installed by the command line
alone: a program that imports yolokit has its own ways.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
# `timeout` and a closed terminal send their signal twice at once: that counts as one wish.
_ONE_WISH_S = 1.0
_MOST_WISHES = 2

_active: Interruptions | None = None  # handlers belong to the whole process


class Interruptions:
    """Raises :class:`KeyboardInterrupt` for a signal, once more for a second, then ends at once.

    Attributes:
        stop: Called for the first signal, which then raises nothing; None to raise.
    """

    def __init__(self) -> None:
        self.stop: Callable[[], None] | None = None
        self._first: int = signal.SIGINT
        self._wishes = 0
        self._last_s = float("-inf")
        self._terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    @property
    def is_idle(self) -> bool:
        """Whether no signal has come."""
        return not self._wishes

    @property
    def exit_code(self) -> int:
        """What an interrupted command returns: 128 and the number of the first signal."""
        return 128 + self._first

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Serve as the handler of a signal."""
        now_s = time.monotonic()
        if now_s - self._last_s < _ONE_WISH_S:
            return
        self._last_s = now_s
        self._wishes += 1
        if self._wishes == 1:
            self._first = number
        if self._wishes > _MOST_WISHES:
            os._exit(self.exit_code)
        for descriptor in self._terminals:
            if not os.isatty(descriptor):  # it was closed, and each word to it would be an error
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
        if self._wishes == 1 and self.stop is not None:
            self.stop()
            return
        raise KeyboardInterrupt


@contextlib.contextmanager
def interruptions() -> Iterator[Interruptions]:
    """Handle signals meanwhile; those that are ignored stay ignored, as ``nohup`` wants it."""
    global _active  # noqa: PLW0603 - handlers are global too
    handled = _active = Interruptions()
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other may
        for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, handled.handle)
    try:
        yield handled
    finally:
        for number, handler in before.items():
            # A twin that comes while the interpreter shuts down must not change the exit code.
            signal.signal(number, handler if handled.is_idle else signal.SIG_IGN)
        _active = None


@contextlib.contextmanager
def stopping_softly(stop: Callable[[], None]) -> Iterator[None]:
    """Let the first signal ask the work inside to end by itself; a second one interrupts it.

    ``stop`` is called in the handler of the signal: it must neither take a lock nor print.
    """
    if _active is None:  # not run by the command line
        yield
        return
    _active.stop = stop
    try:
        yield
    finally:
        _active.stop = None
