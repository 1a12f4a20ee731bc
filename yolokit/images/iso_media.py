"""Boxes of ISO base media files: MP4, QuickTime and AVIF, and how an AVIF is to be turned.

Source: ISO/IEC 14496-12 (boxes); ISO/IEC 23008-12, 6.5.10 ``irot`` and 6.5.12 ``imir``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

from yolokit.images.orientation import UPRIGHT, find_orientation, is_mirrored, is_transposed

if TYPE_CHECKING:
    import mmap
    from collections.abc import Iterator

    Content: TypeAlias = bytes | memoryview | mmap.mmap

_TURNED = (1, 8, 3, 6)  # the orientations of 0, 90, 180 and 270 degrees counter-clockwise
_MOST_BOXES = 1_000_000


def iter_boxes(content: Content, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind, the start of the payload and the end of each box in a range.

    The end of the last box may lie beyond ``end``: it is cut short. What cannot be a box ends it.
    """
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", content, start)
        payload = start + 8
        if size == 1 and payload + 8 <= end:
            size, payload = struct.unpack_from(">Q", content, payload)[0], payload + 8
        elif size == 0:
            size = end - start
        if size < payload - start:
            return
        yield kind, payload, start + size
        start += size


def is_avif(content: Content) -> bool:
    """Tell by the first bytes whether a file is an AVIF image or sequence."""
    if bytes(content[4:8]) != b"ftyp":
        return False
    size = min(int.from_bytes(content[:4], "big"), len(content), 1024)
    brands = {bytes(content[at : at + 4]) for at in (8, *range(16, size - 3, 4))}
    return bool(brands & {b"avif", b"avis"})


def avif_orientation(content: Content) -> int:
    """Return how an AVIF image is to be turned, 1 to 8; 1 where it says nothing or nonsense.

    What its EXIF block says does not count: the file's own properties replace it.
    """
    try:
        return _orientation_of_properties(content)
    except (struct.error, IndexError):
        return UPRIGHT


def _orientation_of_properties(content: Content) -> int:
    meta = _find(content, 0, len(content), b"meta")
    if meta is None:
        return UPRIGHT
    inside = (meta[0] + 4, meta[1])  # version and flags come first
    primary, properties = _find(content, *inside, b"pitm"), _find(content, *inside, b"iprp")
    if primary is None or properties is None:
        return UPRIGHT
    item_id = int.from_bytes(content[primary[0] + 4 : primary[1]][:4], "big")
    container = _find(content, *properties, b"ipco")
    linked = _find(content, *properties, b"ipma")
    if container is None or linked is None:
        return UPRIGHT
    boxes = list(iter_boxes(content, *container))
    stated = {
        boxes[number - 1][0]: content[boxes[number - 1][1]]
        for number in _linked_properties(content, linked[0], item_id)
        if 1 <= number <= len(boxes)
    }
    turned = _TURNED[stated.get(b"irot", 0) & 3]
    return _mirror(turned, stated[b"imir"] & 1) if b"imir" in stated else turned


def _mirror(orientation: int, axis: int) -> int:
    """Return the orientation with top and bottom (axis 0) or left and right (1) exchanged."""
    mirrored_x, mirrored_y = is_mirrored(orientation)
    return find_orientation(
        transposed=is_transposed(orientation),
        mirrored_x=mirrored_x != (axis == 1),
        mirrored_y=mirrored_y != (axis == 0),
    )


def _linked_properties(content: Content, at: int, item_id: int) -> list[int]:
    """Return the numbers of an item's properties, from 1, as an ``ipma`` box lists them."""
    version, has_long_numbers = content[at], bool(content[at + 3] & 1)
    count = struct.unpack_from(">I", content, at + 4)[0]
    id_code, number_code = ">H" if version < 1 else ">I", ">H" if has_long_numbers else ">B"
    id_size, number_size = struct.calcsize(id_code), struct.calcsize(number_code)
    at += 8
    for _ in range(min(count, _MOST_BOXES)):
        found = struct.unpack_from(id_code, content, at)[0]
        length = content[at + id_size]
        at += id_size + 1
        if found == item_id:
            numbers = (
                struct.unpack_from(number_code, content, at + number_size * index)[0]
                for index in range(length)
            )
            return [number & (0x7FFF if has_long_numbers else 0x7F) for number in numbers]
        at += number_size * length
    return []


def _find(content: Content, start: int, end: int, kind: bytes) -> tuple[int, int] | None:
    """Return where the payload of the first box of a kind starts and ends."""
    for found, payload, box_end in iter_boxes(content, start, min(end, len(content))):
        if found == kind:
            return payload, min(box_end, len(content))
    return None
