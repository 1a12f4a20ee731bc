"""Whether a video file was cut short, as its own structure says.

Source: ISO/IEC 14496-12 (boxes of MP4), RFC 8794 and 9559 (EBML, Matroska), Microsoft's AVI RIFF.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from yolokit.core.iso_media import iter_boxes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_EBML_HEAD, _SEGMENT = 0x1A45DFA3, 0x18538067
_RIFF_UNKNOWN = 0x7FFF_0000  # live recorders write a placeholder of this size or above


def missing_bytes(path: Path, format_name: str) -> int | None:
    """Return how many bytes are missing at the end of a file.

    Args:
        path: The file; it is not empty.
        format_name: FFmpeg's name of its format.

    Returns:
        0 for a whole file; None where its structure does not tell, as with a live recording.

    Raises:
        OSError: It cannot be read.
    """
    measure = _MEASURES.get(format_name.split(",", maxsplit=1)[0])
    if measure is None:
        return None
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as file:
        return measure(file)


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
    while at + 12 <= len(file):
        element, at = _read_vint(file, at, keep_marker=True)
        size, at = _read_vint(file, at, keep_marker=False)
        if element == _SEGMENT:
            return None if size is None else max(0, at + size - len(file))
        if element != _EBML_HEAD or size is None:
            break
        at += size
    return None


def _read_vint(file: mmap.mmap, at: int, *, keep_marker: bool) -> tuple[int | None, int]:
    """Return a number of variable length, None where all its bits are set, and what follows it."""
    length = 9 - file[at].bit_length()
    number = int.from_bytes(file[at : at + length], "big")
    if keep_marker:
        return number, at + length
    number &= (1 << 7 * length) - 1
    return (None if number == (1 << 7 * length) - 1 else number), at + length


_MEASURES: dict[str, Callable[[mmap.mmap], int | None]] = {
    "mov": _missing_in_mp4,
    "avi": _missing_in_avi,
    "matroska": _missing_in_matroska,
}
