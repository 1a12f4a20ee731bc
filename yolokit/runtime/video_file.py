"""A video file, with its own time stamps and upright as its display matrix says."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.file_kind import read_kind
from yolokit.core.types import Frame, FrameError
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import Self

    from yolokit.core.types import U8

_DEFAULT_FPS = Fraction(25)


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video file as a frame source.

    Attributes:
        uri: The file.
        root: Its folder.
        count: Number of frames as the file states it; None where it does not.
        fps: Mean frames per second.
        time_base: Unit of the time stamps in s.
        is_live: A file ends.
    """

    uri: str
    root: Path
    count: int | None
    fps: Fraction
    time_base: Fraction
    is_live: bool = False

    @classmethod
    def open(cls, uri: str) -> Self:
        """Look at the first video stream of a file.

        Raises:
            DataError: The file is no video, or its codec is unknown.
        """
        path = Path(uri)
        with _open_container(path) as container:
            stream = container.streams.video[0]
            return cls(
                uri=uri,
                root=path.parent,
                count=stream.frames or None,
                fps=Fraction(stream.average_rate or stream.guessed_rate or _DEFAULT_FPS),
                time_base=Fraction(stream.time_base),
            )

    def __iter__(self) -> Generator[Frame | FrameError]:
        """Yield every frame in the order it is shown; a broken one is a FrameError."""
        with _open_container(Path(self.uri)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            pts = -self._frame_ticks
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

    packets, given, broken = 0, 0, 0
    try:
        for packet in container.demux(stream):
            packets += bool(packet.size)
            for frame in _decode_packet(packet):
                given += 1
                broken += isinstance(frame, str)
                yield frame
    except FFmpegError as error:
        yield f"the file cannot be read any further: {error.strerror}"
        return
    if packets < stream.frames:
        yield f"the file ends early: it holds {packets} of its {stream.frames} frames"
    elif not given:
        yield "the video has no frame"
    elif broken:  # an intact file may have packets that show nothing; here they are losses
        yield from ["needs a frame that is damaged"] * (packets - given)


def _decode_packet(packet: Any) -> Iterator[Any]:
    from av.error import FFmpegError

    try:
        frames = packet.decode()
    except FFmpegError as error:
        yield f"cannot be decoded: {error.strerror}"
        return
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
        kind = read_kind(path)
        reason = f"it is {kind}" if kind else error.strerror
        raise DataError(f"cannot be opened as a video: {reason}", path=path) from error
    if not container.streams.video:
        container.close()
        raise DataError("the file has no video stream", path=path)
    return container
