"""The frames of a video file, and of those that are lost the reason, on any number of cores."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.files.file_kind import read_kind
from yolokit.files.regular_file import why_no_file
from yolokit.runtime.video.cut import ends_before_stated, missing_bytes, stated_duration_s

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

_ALL_CORES = 0  # as many threads as FFmpeg thinks fit
_COVER = 0x400 | 0x800  # attached pictures and thumbnails
_REST_FRAMES = 1.5  # nearer to the end that its head states, none is missing


class _DoubtfulError(Exception):
    """What several threads decode may lack frames."""


def open_container(path: Path) -> tuple[Any, Any, int]:
    """Open a file that has a video stream with a decoder.

    Returns:
        The open container, its first stream of moving pictures, and how many of them it has.

    Raises:
        DataError: It has none, or is not a media file.
    """
    import av
    from av.error import FFmpegError

    reason = why_no_file(path)
    if reason is not None:
        raise DataError(reason, path=path)
    try:
        # A name may look like a protocol, and a list of addresses like a video.
        container = av.open(
            f"file:{path}", metadata_errors="replace", options={"protocol_whitelist": "file"}
        )
    except (FFmpegError, OSError) as error:
        kind = read_kind(path)
        reason = f"it is {kind}" if kind else error.strerror
        raise DataError(f"cannot be opened as a video: {reason}", path=path) from error
    except ValueError as error:
        raise DataError(f"cannot be opened as a video: {error}", path=path) from error
    streams = [one for one in container.streams.video if not int(one.disposition) & _COVER]
    if not streams:
        has_cover = bool(container.streams.video)
        container.close()
        what = "only a cover picture, no video" if has_cover else "no video stream"
        raise DataError(f"the file has {what}", path=path)
    return container, streams[0], len(streams)


def decode_frames(path: Path) -> Iterator[Any]:
    """Yield decoded frames as they are shown; a string in place of one that is broken says why.

    Several threads decode an intact file. Near an error they lose good frames, more with more
    cores, and at times the error as well. From the first sign of one, the file is read again by
    one thread, which goes on where the others stopped.

    Raises:
        DataError: The file cannot be opened.
    """
    given = 0
    try:
        with contextlib.closing(_decode(path, threads=_ALL_CORES)) as frames:
            for frame in frames:
                yield frame
                given += 1
    except _DoubtfulError:
        with contextlib.closing(_decode(path, threads=1)) as frames:
            yield from itertools.islice(frames, given, None)


def _decode(path: Path, *, threads: int) -> Generator[Any]:
    """Decode the whole file; with several threads every doubt is raised."""
    container, stream, _ = open_container(path)
    with container:
        stream.codec_context.thread_count = threads
        if threads == 1:
            stream.thread_type = "NONE"
        else:
            stream.thread_type = "AUTO"
            stream.codec_context.options = {"err_detect": "explode"}  # rather than conceal it
        account = _Account()
        for frame in _demux(container, stream, account):
            if threads != 1 and (isinstance(frame, str) or account.is_doubtful):
                raise _DoubtfulError
            yield frame
        if threads != 1 and (account.is_doubtful or account.wanted != account.given):
            raise _DoubtfulError
        yield from _last_words(path, container, stream, account)


class _Account:
    """Counts what goes into a decoder and what comes out.

    Attributes:
        read: Packets of the stream.
        wanted: Those of them that are to be shown.
        given: Frames, and errors in place of one.
        broken: How many of those are errors.
        held_before: Packets without a frame before the first error; a decoder may hold some
            back, and some files have packets that never show anything.
        is_doubtful: The file says itself that a packet is damaged.
        stopped: The file could not be read to its end.
        ends_torn: The last packet is damaged.
        end_s: Where the last frame ends.
    """

    def __init__(self) -> None:
        self.read = self.wanted = self.given = self.broken = self.held_before = 0
        self.is_doubtful = self.ends_torn = self.stopped = False
        self.end_s = 0.0

    def take_packet(self, packet: Any) -> None:
        """Note a packet that goes into the decoder."""
        if not packet.size:
            return
        self.read += 1
        self.wanted += not packet.is_discard
        self.ends_torn = packet.is_corrupt
        self.is_doubtful |= packet.is_corrupt
        if packet.pts is not None:
            self.end_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)

    def take_frame(self, frame: Any) -> None:
        """Note a frame, or the reason why there is none."""
        if isinstance(frame, str):
            if not self.broken:
                self.held_before = self.wanted - 1 - self.given
            self.broken += 1
        self.given += 1


def _demux(container: Any, stream: Any, account: _Account) -> Iterator[Any]:
    from av.error import FFmpegError

    has_no_pts = container.format.name == "avi"
    stamps: deque[int | None] = deque()
    try:
        for packet in container.demux(stream):
            account.take_packet(packet)
            if packet.size:
                stamps.append(packet.dts)
            for frame in _decode_packet(packet):
                account.take_frame(frame)
                # Frames are shown in the order of stamps, whatever order they are stored in.
                stamp = stamps.popleft() if stamps else None
                if has_no_pts and not isinstance(frame, str):
                    frame.pts = stamp
                yield frame
    except FFmpegError as error:
        account.stopped = True
        yield f"the file cannot be read any further: {error.strerror}"


def _decode_packet(packet: Any) -> Iterator[Any]:
    from av.error import FFmpegError

    try:
        frames = packet.decode()
    except FFmpegError as error:
        yield f"cannot be decoded: {error.strerror}"
        return
    for frame in frames:
        yield "the frame is damaged" if frame.is_corrupt else frame


def _last_words(path: Path, container: Any, stream: Any, account: _Account) -> Iterator[str]:
    """Yield what is to be said of frames that never came."""
    if account.stopped:
        return
    cut = _describe_cut(path, container, stream, account)
    if not account.given:
        yield "the video has no frame"
    elif cut is not None:
        yield f"the file ends early: {cut}"
    elif account.broken and account.held_before <= stream.codec_context.has_b_frames:
        yield from ["needs a frame that is damaged"] * (account.wanted - account.given)


def _describe_cut(path: Path, container: Any, stream: Any, account: _Account) -> str | None:
    """Return that the file ends before the video does; None where nothing proves it."""
    whole = account.read - account.ends_torn
    if stream.frames and whole >= stream.frames:
        return None
    duration_s = stated_duration_s(stream)
    rest_s = _REST_FRAMES / float(stream.average_rate or 25)
    if duration_s is not None and duration_s - account.end_s < rest_s:
        return None
    missing = missing_bytes(path, container.format.name)
    is_torn = account.ends_torn and container.format.name != "mpegts"
    if not missing and not is_torn and not (missing is None and ends_before_stated(container)):
        return None
    if stream.frames:
        return f"it holds {whole} of its {counted(stream.frames, 'frame')}"
    if duration_s is not None:
        return f"at {account.end_s:.1f} s of {duration_s:.1f} s"
    return "it is cut short"
