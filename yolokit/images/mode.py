"""What the pixels of an image file are, such as grey or RGBA, read from its head.

Source: ITU-T T.81 (JPEG), W3C PNG, TIFF 6.0, RFC 9649 (WebP), Microsoft's BITMAPINFOHEADER.
"""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.files.file_kind import BMP, JPEG, PNG, TIFF, WEBP, tell_image
from yolokit.images.end import read_tiff_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yolokit.files.file_kind import FileKind

_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
_JPEG_MODES = {1: "grey", 3: "rgb", 4: "cmyk"}
_PNG_MODES = {0: "grey", 2: "rgb", 3: "palette", 4: "grey with alpha", 6: "rgba"}
_BMP_MODES = {24: "rgb", 32: "rgba"}
_BITS_TAG, _PHOTOMETRIC_TAG, _SAMPLES_TAG = 258, 262, 277
_TIFF_MODES = {
    (0, 1): "grey", (1, 1): "grey", (1, 2): "grey with alpha", (0, 2): "grey with alpha",
    (2, 3): "rgb", (2, 4): "rgba", (3, 1): "palette", (5, 4): "cmyk", (6, 3): "rgb",
}  # fmt: skip


def tell_mode(content: bytes | memoryview) -> str:
    """Say what pixels an image has.

    Args:
        content: The file; of all but a TIFF, whose head may be at its end, the first bytes do.

    Returns:
        ``grey``, ``grey with alpha``, ``rgb``, ``rgba``, ``palette`` or ``cmyk``, with ``16 bit``
        after it where a value has so many; empty where it is not known.
    """
    tell = _TELLERS.get(tell_image(bytes(content[:16])))
    try:
        return "" if tell is None else tell(content)
    except (struct.error, IndexError):
        return ""  # cut short, or odd: the decoder says what is wrong


def _of_jpeg(content: bytes | memoryview) -> str:
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAME_MARKERS:
            bits, components = content[at + 4], content[at + 9]
            return _with_depth(_JPEG_MODES.get(components, ""), bits)
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", content, at + 2)[0])
    return ""


def _of_png(content: bytes | memoryview) -> str:
    return _with_depth(_PNG_MODES.get(content[25], ""), content[24])


def _of_bmp(content: bytes | memoryview) -> str:
    bits = int(struct.unpack_from("<H", content, 28)[0])
    return _BMP_MODES.get(bits, "palette" if bits <= 8 else "rgb")


def _of_webp(content: bytes | memoryview) -> str:
    has_alpha = {b"VP8X": content[20] & 0x10, b"VP8L": content[24] & 0x10}
    return "rgba" if has_alpha.get(bytes(content[12:16])) else "rgb"


def _of_tiff(content: bytes | memoryview) -> str:
    tags = read_tiff_numbers(content, (_BITS_TAG, _PHOTOMETRIC_TAG, _SAMPLES_TAG))
    bits = tags.get(_BITS_TAG, (1,))
    samples = tags.get(_SAMPLES_TAG, (1,))[0]
    photometric = tags.get(_PHOTOMETRIC_TAG, (1,))[0]
    return _with_depth(_TIFF_MODES.get((photometric, samples), ""), max(bits))


def _with_depth(mode: str, bits: int) -> str:
    return f"{mode} {bits} bit" if mode and bits > 8 else mode


_TELLERS: Mapping[FileKind | None, Callable[[bytes | memoryview], str]] = MappingProxyType(
    {JPEG: _of_jpeg, PNG: _of_png, BMP: _of_bmp, WEBP: _of_webp, TIFF: _of_tiff}
)
