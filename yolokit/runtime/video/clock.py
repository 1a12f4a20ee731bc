"""Times that ascend, from the stamps of a stream that may lack some, go back or leap."""

from __future__ import annotations

from dataclasses import dataclass

_JITTER_FRAMES = 2


@dataclass(slots=True)
class Clock:
    """Turns time stamps into times on one line; a stream that was joined starts several.

    Where stamps go back or leap, time goes on one frame after the last, and all later stamps are
    moved with it. A stamp that lies back by no more than two frames is out of order rather than
    of another line: it gets the time of the frame before.

    Args:
        frame_ticks: Length of one frame at the mean rate.
        leap_ticks: A longer gap is a new line, not a pause.
    Source: FFmpeg's ``-dts_delta_threshold``, which does the same.
    """

    frame_ticks: int
    leap_ticks: int
    _last: int | None = None
    _moved_by: int = 0

    def tell(self, pts: int | None) -> int:
        """Return the time of the next frame in ticks; None is a frame without a stamp."""
        if self._last is None:
            self._last = 0 if pts is None else pts
            return self._last
        expected = self._last + self.frame_ticks
        now = expected if pts is None else pts + self._moved_by
        step = now - self._last
        if step > self.leap_ticks or step < -_JITTER_FRAMES * self.frame_ticks:
            self._moved_by += expected - now
            now = expected
        self._last = max(now, self._last)
        return self._last
