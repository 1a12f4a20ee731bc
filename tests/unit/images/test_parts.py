"""Files of several pictures are told apart from those of one, without being decoded."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from yolokit.images.parts import describe_rest


def gray(count: int) -> list[np.ndarray]:
    return [np.full((4, 4), 10 * index, np.uint8) for index in range(count)]


def png(frames: int | None) -> bytes:
    """A PNG of one picture; with ``frames`` it says that it is an animation of so many."""
    plain = cv2.imencode(".png", gray(1)[0])[1].tobytes()
    if frames is None:
        return plain
    chunk = b"acTL" + struct.pack(">II", frames, 0)
    return (
        plain[:33]
        + struct.pack(">I", 8)
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + plain[33:]
    )


def tiff(count: int, kind: int = 0, order: str = "<") -> bytes:
    """The directories of a TIFF whose pages behind the first are of a kind (tag 254)."""
    content = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(f"{order}I", 8)
    for index in range(count):
        entry = struct.pack(f"{order}HHII", 254, 4, 1, kind if index else 0)
        following = len(content) + 18 if index + 1 < count else 0
        content += struct.pack(f"{order}H", 1) + entry + struct.pack(f"{order}I", following)
    return content


def big_tiff(count: int) -> bytes:
    content = b"II+\x00" + struct.pack("<HHQ", 8, 0, 16)
    for index in range(count):
        entry = struct.pack("<HHQQ", 254, 4, 1, 0)
        following = len(content) + 36 if index + 1 < count else 0
        content += struct.pack("<Q", 1) + entry + struct.pack("<Q", following)
    return content


def webp(flags: int) -> bytes:
    return b"RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00" + bytes([flags]) + bytes(9)


ANIMATED = "it is animated: only the first frame is read"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(None), None),
        (png(1), None),
        (png(12), ANIMATED),
        (tiff(1), None),
        (tiff(3), "it has 3 pages: only the first is read"),
        (tiff(3, order=">"), "it has 3 pages: only the first is read"),
        (tiff(3, kind=1), None),  # smaller copies
        (tiff(3, kind=4), None),  # masks
        (big_tiff(2), "it has 2 pages: only the first is read"),
        (webp(0x10), None),
        (webp(0x02), ANIMATED),
        (b"\x00\x00\x00\x1cftypavis" + bytes(16), ANIMATED),
        (b"\x00\x00\x00\x1cftypavif" + bytes(16), None),
        (b"\xff\xd8\xff\xe0" + bytes(60), None),
        (b"II*\x00", None),
        (tiff(3)[:30], None),
    ],
)
def test_what_is_not_read(content: bytes, expected: str | None) -> None:
    assert describe_rest(np.frombuffer(content, np.uint8)) == expected


def test_pages_in_a_circle_end() -> None:
    content = bytearray(tiff(2))
    content[-4:] = struct.pack("<I", 8)
    rest = describe_rest(np.frombuffer(bytes(content), np.uint8))
    assert rest == "it has 2 pages: only the first is read"


def test_a_page_beyond_all_memory_ends_it() -> None:
    head = struct.pack("<4sHHQ", b"II+\0", 8, 0, 16)
    content = head + struct.pack("<QQ", 0, 2**64 - 1) + bytes(32)
    assert describe_rest(np.frombuffer(content, np.uint8)) is None


def test_pages_that_opencv_writes() -> None:
    _, content = cv2.imencodemulti(".tiff", gray(3))
    assert describe_rest(content.ravel()) == "it has 3 pages: only the first is read"
