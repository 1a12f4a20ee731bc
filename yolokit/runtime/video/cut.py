"""Whether a video file was cut short, as its own structure says.

Source: ISO/IEC 14496-12 (boxes of MP4), RFC 8794 and 9559 (EBML, Matroska), Microsoft's AVI RIFF,
RFC 3533 (Ogg).
"""

from __future__ import annotations

import contextlib
import mmap
import re
from typing import TYPE_CHECKING, Any

from yolokit.images.iso_media import iter_boxes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_LONGEST_HEAD = 12  # of an element in bytes
_STATE_DURATION = ("matroska,webm", "flv")  # in their heads; of others FFmpeg estimates it
_FAR_S, _FAR_SHARE = 1.0, 0.1  # further from its end than this, a recording was cut
_OGG_HEAD, _OGG_LAST = 27, 0x04  # bytes of a page's head; the flag of a stream's last page
_RIFF_UNKNOWN = 0x7FFF_0000  # live recorders write a placeholder of this size or above


def missing_bytes(path: Path, format_name: str) -> int | None:
    """Return how many bytes a file, which is not empty, lacks at its end.

    None where its structure does not tell, as with a live recording. The format has FFmpeg's name.

    Raises:
        OSError: It cannot be read.
    """
    measure = _MEASURES.get(format_name.split(",", maxsplit=1)[0])
    if measure is None:
        return None
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as file:
        return measure(file)


def count_movies(path: Path, format_name: str) -> int:
    """Return how many whole MP4 or QuickTime movies a file holds, joined; 1 for other formats.

    Raises:
        OSError: It cannot be read.
    """
    if not format_name.startswith("mov,"):
        return 1
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as file:
        return sum(kind == b"moov" for kind, *_ in iter_boxes(file, 0, len(file)))


def stated_duration_s(stream: Any) -> float | None:
    """Return how long a video is as its own tag says; None where it has none."""
    found = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    if found is None:
        return None
    hours, minutes, seconds = (float(part) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def ends_before_stated(container: Any) -> bool:
    """Tell whether all streams end long before the duration that the file's head states.

    Args:
        container: Open, and read to its end; it is read once more.
    """
    from av.error import FFmpegError

    if container.format.name not in _STATE_DURATION or not container.duration:
        return False
    duration_s, end_s = container.duration / 1e6, 0.0
    with contextlib.suppress(FFmpegError):  # what cannot be read any further has been reported
        container.seek(0)
        for packet in container.demux():
            if packet.pts is not None:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base
                end_s = max(end_s, float(end))
    return bool(duration_s - end_s > max(_FAR_S, _FAR_SHARE * duration_s))


def _missing_in_mp4(file: mmap.mmap) -> int | None:
    last, last_end = b"", 0
    for kind, _, end in iter_boxes(file, 0, len(file)):
        if kind in (b"moof", b"mdat"):  # what else may be cut holds no frames
            last, last_end = kind, end
    if last == b"moof":  # the box with its frames never came
        return max(1, last_end - len(file))
    return max(0, last_end - len(file))


def _missing_in_avi(file: mmap.mmap) -> int | None:
    at = 0
    while file[at : at + 4] == b"RIFF":  # beyond a gigabyte more of them follow
        size = int.from_bytes(file[at + 4 : at + 8], "little")
        if size == 0 or size >= _RIFF_UNKNOWN:
            return None
        at += 8 + size + size % 2
    return max(0, at - 1 - len(file))


def _missing_in_matroska(file: mmap.mmap) -> int | None:
    at = 0
    while at + _LONGEST_HEAD <= len(file):
        element, at = _read_vint(file, at, keep_marker=True)
        size, at = _read_vint(file, at, keep_marker=False)
        if size is not None and element == _SEGMENT:
            return max(0, at + size - len(file))
        # A live recording states no sizes: what is within is looked at instead.
        if element is None or (size is None and element not in (_SEGMENT, _CLUSTER)):
            return None
        at += size or 0
    return at - len(file) if at > len(file) else None


def _missing_in_ogg(file: mmap.mmap) -> int | None:
    at = file.rfind(b"OggS\0")
    if at < 0 or at + _OGG_HEAD > len(file):
        return None if at < 0 else at + _OGG_HEAD - len(file)
    table = at + _OGG_HEAD + file[at + 26]
    missing = table + sum(file[at + _OGG_HEAD : table]) - len(file)
    return max(missing, 0 if file[at + 5] & _OGG_LAST else 1)


def _read_vint(file: mmap.mmap, at: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """Return a number of variable length, None where it states nothing, and what follows it."""
    length = 9 - file[at].bit_length()
    if length > 8:
        return None, at + 1
    number = int.from_bytes(file[at : at + length], "big")
    if keep_marker:
        return number, at + length
    number &= (1 << 7 * length) - 1
    return (None if number == (1 << 7 * length) - 1 else number), at + length


_MEASURES: dict[str, Callable[[mmap.mmap], int | None]] = {
    "mov": _missing_in_mp4,
    "avi": _missing_in_avi,
    "matroska": _missing_in_matroska,
    "ogg": _missing_in_ogg,
}
