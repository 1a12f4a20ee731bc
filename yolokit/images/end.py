"""Whether an image file has its end, and what its parts are, found out without decoding it.

A decoder refuses a file that was cut short, or makes up what is missing; its head looks whole.

Source: ITU-T T.81 (JPEG), W3C PNG, RFC 9649 (WebP), TIFF 6.0, Microsoft's BITMAPINFOHEADER.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from yolokit.files.file_kind import BMP, JPEG, TIFF, WEBP

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Collection, Iterator

    from yolokit.files.file_kind import FileKind

_JPEG_END = b"\xff\xd9"
_TIFF_NUMBERS = {3: "H", 4: "I"}
_TIFF_PLACES = ((273, 279), (324, 325))  # offsets and lengths: of strips, of tiles
_PNG_START_BYTES = 8
_PLAIN_BMP = (0, 3)  # rows of pixels, as opposed to runs


def is_cut_short(
    kind: FileKind | None,
    head: bytes,
    tail: bytes,
    size_bytes: int,
    read_all: Callable[[], bytes],
) -> bool:
    """Tell whether a JPEG, WebP, BMP or TIFF lacks its end; False where that is unknown.

    The tail is the last two bytes. All are read where a JPEG has something else at its end.
    """
    try:
        if kind is JPEG:
            return tail != _JPEG_END and _lacks_jpeg_end(read_all())
        if kind is WEBP:
            return int.from_bytes(head[4:8], "little") + 8 > size_bytes + 1  # the padding may lack
        if kind is BMP:
            return _is_bmp_cut(head, size_bytes)
        if kind is TIFF:
            return _is_tiff_cut(head, size_bytes)
    except struct.error:
        pass  # odd, or decided by what follows the head: the decoder has the last word
    return False


def _lacks_jpeg_end(content: bytes) -> bool:
    """Look for the end after the first scan: cameras put films and previews after a picture."""
    at = 2
    while content[at : at + 2] != b"\xff\xda":
        if content[at : at + 1] != b"\xff":
            return True
        at += 1 if content[at + 1 : at + 2] == b"\xff" else 2 + _big_endian(content, at + 2)
    return content.find(_JPEG_END, at) < 0


def _big_endian(content: bytes, at: int) -> int:
    return int(struct.unpack_from(">H", content, at)[0])


def _is_bmp_cut(head: bytes, size_bytes: int) -> bool:
    start, kind_bytes, width_px, height_px = struct.unpack_from("<IIii", head, 10)
    bits, compression = struct.unpack_from("<HI", head, 28)
    if kind_bytes < 40 or compression not in _PLAIN_BMP:
        return False
    row_bytes = (width_px * bits + 31) // 32 * 4
    return bool(start + row_bytes * abs(height_px) - 3 > size_bytes)  # the padding may lack


def _is_tiff_cut(head: bytes, size_bytes: int) -> bool:
    """Tell whether a strip or tile of the first picture ends beyond the file."""
    order = "<" if head[:2] == b"II" else ">"
    if struct.unpack_from(f"{order}I", head, 4)[0] + 2 > size_bytes:
        return True
    values = read_tiff_numbers(head, {tag for pair in _TIFF_PLACES for tag in pair})
    ends = [
        offset + length
        for offsets, lengths in _TIFF_PLACES
        for offset, length in zip(values.get(offsets, ()), values.get(lengths, ()), strict=False)
    ]
    return max(ends, default=0) > size_bytes


def read_tiff_numbers(
    tiff: bytes | memoryview, tags: Collection[int]
) -> dict[int, tuple[int, ...]]:
    """Return the whole numbers under some tags of the first directory of a TIFF or Exif block.

    Raises:
        struct.error: It is odd, or cut short before its end.
    """
    order = "<" if tiff[:2] == b"II" else ">"
    start = struct.unpack_from(f"{order}I", tiff, 4)[0]
    found: dict[int, tuple[int, ...]] = {}
    for index in range(struct.unpack_from(f"{order}H", tiff, start)[0]):
        at = start + 2 + 12 * index
        tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, at)
        if tag in tags and kind in _TIFF_NUMBERS:
            layout = f"{order}{count}{_TIFF_NUMBERS[kind]}"
            inside = struct.calcsize(layout) <= 4
            place = at + 8 if inside else struct.unpack_from(f"{order}I", tiff, at + 8)[0]
            found[tag] = struct.unpack_from(layout, tiff, place)
    return found


def iter_png_chunks(
    content: bytes | memoryview | mmap.mmap, start: int, end: int
) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind, start and length of the data of each chunk; the last may be cut short."""
    at = start + _PNG_START_BYTES
    while at + 12 <= end:
        length, kind = struct.unpack_from(">I4s", content, at)
        yield kind, at + 8, length
        at += 12 + length
