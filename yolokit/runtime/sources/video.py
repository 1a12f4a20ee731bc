"""A video file, with its own time stamps and upright as its display matrix says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.types import Frame, FrameError
from yolokit.errors import DataError
from yolokit.runtime.source import FrameSource, no_such_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.types import U8

_VIDEO_NAME = re.compile(
    r".\.(3gp|asf|avi|flv|gif|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|ogv|ts|webm|wmv)$", re.IGNORECASE
)
_DEFAULT_FPS = Fraction(25)


def matches(uri: str) -> bool:
    """Tell by its suffix whether ``uri`` names a video file; it need not exist."""
    path = Path(uri)
    is_pattern = any(sign in uri for sign in "*?[") and not path.exists()
    return (
        "://" not in uri
        and _VIDEO_NAME.search(path.name) is not None
        and not path.is_dir()
        and not is_pattern
    )


def open(uri: str) -> FrameSource:  # noqa: A001 - every source has matches() and open()
    """Return the first video stream of a file.

    Raises:
        DataError: The file does not exist, is no video, or its codec is unknown.
    """
    path = Path(uri)
    if not path.is_file():
        raise no_such_path(uri)
    with _open_container(path) as container:
        stream = container.streams.video[0]
        fps = stream.average_rate or stream.guessed_rate or _DEFAULT_FPS
        return VideoFile(
            uri=uri,
            root=path.parent,
            count=stream.frames or None,
            fps=Fraction(fps),
            time_base=Fraction(stream.time_base),
        )


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video file as a frame source; see :class:`FrameSource` for the attributes."""

    uri: str
    root: Path
    count: int | None
    fps: Fraction
    time_base: Fraction
    is_live: bool = False

    def __iter__(self) -> Iterator[Frame | FrameError]:
        """Yield every frame in the order it is shown; a broken one is a FrameError."""
        with _open_container(Path(self.uri)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            pts = -1
            for index, decoded in enumerate(_decode(container, stream)):
                if isinstance(decoded, str):
                    yield FrameError(index, self.uri, decoded)
                    continue
                # A frame without a stamp of its own comes one frame after the last.
                pts = decoded.pts if decoded.pts is not None else pts + self._frame_ticks
                yield Frame(_upright_bgr(decoded), index, float(pts * self.time_base), self.uri)

    @property
    def _frame_ticks(self) -> int:
        """Length of one frame at the mean rate, in units of the time base."""
        return max(1, round(1 / (self.fps * self.time_base)))


def _decode(container: Any, stream: Any) -> Iterator[Any]:
    """Yield decoded frames; a string in place of one that is broken says why."""
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
        except FFmpegError as error:
            yield f"the file cannot be read any further: {error.strerror}"
            return
        try:
            frames = packet.decode()
        except FFmpegError as error:
            yield f"cannot be decoded: {error.strerror}"
            continue
        for frame in frames:
            yield "the frame is damaged" if frame.is_corrupt else frame


def _upright_bgr(frame: Any) -> U8:
    """Return a decoded frame as (H, W, 3) uint8 BGR, turned as the player would turn it."""
    import cv2

    bgr: U8 = frame.to_ndarray(format="bgr24")
    turns = {
        90: cv2.ROTATE_90_COUNTERCLOCKWISE,
        180: cv2.ROTATE_180,
        270: cv2.ROTATE_90_CLOCKWISE,
    }
    turn = turns.get(round(frame.rotation) % 360)
    return bgr if turn is None else cv2.rotate(bgr, turn)  # type: ignore[return-value]


def _open_container(path: Path) -> Any:
    """Open a file that has a video stream with a decoder.

    Raises:
        DataError: It has none, or is no media file.
    """
    import av
    from av.error import FFmpegError

    try:
        container = av.open(str(path))
    except (FFmpegError, OSError) as error:
        raise DataError(f"cannot be opened as a video: {error.strerror}", path=path) from error
    if not container.streams.video:
        container.close()
        raise DataError("the file has no video stream", path=path)
    return container
