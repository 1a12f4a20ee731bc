"""A video file, on its own time line and upright as its display matrix says."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.types import Frame, FrameError
from yolokit.images.orientation import (
    UPRIGHT,
    is_transposed,
    orientation_of_matrix,
    turn_upright,
)
from yolokit.runtime.video.cut import count_movies
from yolokit.runtime.video.decode import decode_frames, open_container

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Self

    from yolokit.core.types import U8

_DEFAULT_FPS = Fraction(25)
_HIGHEST_FPS = 1000  # beyond that it is a time base, not a rate
_DEFAULT_TIME_BASE = Fraction(1, 90_000)
_TS_DISCONT = 0x200  # formats whose clock may be set anew at any time
_LEAP_S, _LEAP_ELSEWHERE_S = 10, 30 * 3600
_JITTER_FRAMES = 2


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video file as a frame source.

    Attributes:
        uri: The file.
        root: Folder that the names of outputs are relative to.
        count: Number of frames as the file states it; None where it does not.
        fps: Mean frames per second.
        time_base: Unit of the time stamps in s.
        leap_s: A longer gap between two frames is a clock that was set anew.
        pixel_aspect: Width of a pixel over its height, as stored.
        is_live: A file ends.
        remarks: What of it is not read.
    """

    uri: str
    root: Path
    count: int | None
    fps: Fraction
    time_base: Fraction
    leap_s: int = _LEAP_ELSEWHERE_S
    pixel_aspect: Fraction = Fraction(1)
    is_live: bool = False
    remarks: tuple[str, ...] = ()

    @classmethod
    def open(cls, uri: str, root: Path | None = None) -> Self:
        """Look at the first video stream of a file; a cover picture is none.

        Raises:
            DataError: The file is not a video, or its codec is unknown.
        """
        path = Path(uri)
        container, stream, stream_count = open_container(path)
        with container:
            movie_count = count_movies(path, container.format.name)
            parts = ((stream_count, "video streams"), (movie_count, "movies, one after the other"))
            return cls(
                uri=uri,
                root=root or path.parent,
                count=stream.frames or None,
                fps=_choose_fps(stream),
                time_base=Fraction(stream.time_base or _DEFAULT_TIME_BASE),
                leap_s=_LEAP_S if container.format.flags & _TS_DISCONT else _LEAP_ELSEWHERE_S,
                pixel_aspect=Fraction(stream.sample_aspect_ratio or 1),
                remarks=tuple(
                    f"{uri}: it has {count} {what}: the first is read"
                    for count, what in parts
                    if count > 1
                ),
            )

    def __iter__(self) -> Generator[Frame | FrameError]:
        """Yield every frame in the order it is shown; a broken one is a FrameError."""
        frame_ticks = max(1, round(1 / (self.fps * self.time_base)))
        clock = Clock(frame_ticks, round(self.leap_s / self.time_base))
        turns: dict[int, int] = {}  # the orientation of frames, by the angle they state
        for index, decoded in enumerate(decode_frames(Path(self.uri))):
            if isinstance(decoded, str):
                yield FrameError(index, self.uri, decoded)
                continue
            if decoded.rotation not in turns:
                turns[decoded.rotation] = _orientation(decoded)
            orientation = turns[decoded.rotation]
            aspect = self.pixel_aspect
            yield Frame(
                turn_upright(decoded.to_ndarray(format="bgr24"), orientation),
                index,
                float(clock.tell(decoded.pts) * self.time_base),
                self.uri,
                pixel_aspect=1 / aspect if is_transposed(orientation) else aspect,
            )


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


def _choose_fps(stream: Any) -> Fraction:
    """Return the mean rate; where a file states none that can be, the one that FFmpeg guesses."""
    rates = (stream.average_rate, stream.guessed_rate)
    return next(
        (Fraction(rate) for rate in rates if rate and 0 < rate <= _HIGHEST_FPS), _DEFAULT_FPS
    )


def _orientation(frame: Any) -> int:
    """Return how a decoded frame is to be turned, 1 to 8, mirrored ones included.

    A frame that was asked for its side data refers to itself, and keeps its pixels until Python
    looks for such cycles: hundreds of frames later.
    """
    from av.sidedata.sidedata import Type

    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return UPRIGHT
    numbers: U8 = np.frombuffer(matrix, np.int32)
    return orientation_of_matrix(numbers.tolist())
