"""Files of more than one picture, of which OpenCV decodes the first: found without decoding.

Source: W3C PNG, ``acTL``; RFC 9649, ``VP8X``; TIFF 6.0 and BigTIFF, tag 254; AVIF 1.1, ``avis``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.files.file_kind import BIG_TIFF, GIF, PNG, TIFF, WEBP, tell_image
from yolokit.images.end import iter_png_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.types import U8

_MOST_PAGES = 10_000
_NEW_SUBFILE_TYPE = 254  # tags ascend, so no more than this many come before it
_NOT_A_PAGE = 0b101  # a smaller copy, or a mask
_ANIMATED = "it is animated: only the first frame is read"

# Byte order, then codes of: number of tags, one tag (number, type, count), position.
_TIFF = {
    b"II*\x00": ("<", "H", "HHI", "I"),
    b"MM\x00*": (">", "H", "HHI", "I"),
    b"II+\x00": ("<", "Q", "HHQ", "Q"),
    b"MM\x00+": (">", "Q", "HHQ", "Q"),
}


def describe_rest(content: U8) -> str | None:
    """Return what of a file, (N,) uint8, is not read beside its first picture, or None."""
    head = content[:32].tobytes()
    kind = tell_image(head)
    if kind in (TIFF, BIG_TIFF):
        pages = sum(1 for _ in _tiff_pages(content.data, *_TIFF[head[:4]]))
        return f"it has {counted(pages, 'page')}: only the first is read" if pages > 1 else None
    if kind is WEBP:
        return _ANIMATED if head[12:16] == b"VP8X" and head[20] & 0x02 else None
    if kind is PNG:
        return _ANIMATED if _png_frames(content.data) > 1 else None
    if kind is GIF:
        return "it is a GIF by another name: of an animation only the first frame is read"
    if head[4:12] == b"ftypavis":
        return _ANIMATED
    return None


def _png_frames(content: memoryview) -> int:
    """Return the number of frames that an ``acTL`` chunk before the pixels states, else 1."""
    for kind, at, _ in iter_png_chunks(content, 0, len(content)):
        if kind == b"acTL":
            return int(struct.unpack_from(">I", content, at)[0])
        if kind == b"IDAT":
            break
    return 1


def _tiff_pages(
    content: memoryview, order: str, count_code: str, tag_code: str, place_code: str
) -> Iterator[int]:
    """Yield where each page's directory is; smaller copies and masks are not pages."""
    place, tag_size = (
        struct.calcsize("<" + place_code),
        struct.calcsize("<" + tag_code + place_code),
    )
    count_size = struct.calcsize("<" + count_code)
    seen: set[int] = set()
    try:
        at = struct.unpack_from(order + place_code, content, place)[0]
        while at and at not in seen and len(seen) < _MOST_PAGES:
            seen.add(at)
            count = struct.unpack_from(order + count_code, content, at)[0]
            first = at + count_size
            kind = 0
            last = first + min(count, _NEW_SUBFILE_TYPE + 1) * tag_size
            for entry in range(first, last, tag_size):
                if struct.unpack_from(order + "H", content, entry)[0] == _NEW_SUBFILE_TYPE:
                    value = entry + tag_size - place
                    kind = struct.unpack_from(order + "I", content, value)[0]
                    break
            if not kind & _NOT_A_PAGE:
                yield at
            at = struct.unpack_from(order + place_code, content, first + count * tag_size)[0]
    except (struct.error, OverflowError):  # cut short or odd: the decoder has the last word
        return
