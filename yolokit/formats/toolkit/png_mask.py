"""Masks as PNG inside annotation files: their size is looked at before they are decoded."""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from yolokit.core.types import Bool

MAX_PNG_PIXELS = 1 << 26
"""Larger masks are refused: a few kilobytes of PNG can claim gigabytes of pixels."""

MAX_PNG_BYTES = 1 << 26
"""More than this is not taken out of a compressed mask."""

_MAGIC = b"\x89PNG\r\n\x1a\n"


def decode_base64(text: Any) -> bytes:
    """Return what a text in base64 holds; it may be broken into lines.

    Raises:
        ValueError: It is not such a text.
    """
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (AttributeError, binascii.Error, ValueError) as error:
        raise ValueError("a mask is not text in base64") from error


def inflate(data: bytes) -> bytes:
    """Return what zlib has compressed, but not more than a PNG of a mask may have.

    Raises:
        ValueError: It is not from zlib, is cut short, or is larger.
    """
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, MAX_PNG_BYTES)
    except zlib.error as error:
        raise ValueError("a mask is not compressed by zlib") from error
    if unpacker.unconsumed_tail:
        raise ValueError(f"a compressed mask holds more than {MAX_PNG_BYTES >> 20} MiB")
    if not unpacker.eof:
        raise ValueError("a compressed mask is cut short")
    return content


def decode_png_mask(data: bytes) -> Bool:
    """Decode a PNG to the pixels that it marks.

    Args:
        data: The file's bytes.

    Returns:
        (H, W) bool: where the alpha channel is not 0 if there is one, else any channel.

    Raises:
        ValueError: It is not a PNG that can be decoded, or too large.
    """
    import cv2

    if data[:8] != _MAGIC or data[12:16] != b"IHDR" or len(data) < 26:
        raise ValueError("a mask is not a PNG")
    width, height = struct.unpack_from(">II", data, 16)
    if not 0 < width * height <= MAX_PNG_PIXELS:
        raise ValueError(f"a mask of {width}x{height} px is not decoded")
    _check_chunks(data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError("the PNG of a mask cannot be decoded") from error
    if pixels is None:
        raise ValueError("the PNG of a mask cannot be decoded")
    if pixels.ndim == 2:
        mask: Bool = pixels != 0
    else:
        mask = pixels[:, :, 3] != 0 if pixels.shape[2] == 4 else (pixels != 0).any(axis=2)
    return mask


def _check_chunks(data: bytes) -> None:
    """Refuse a PNG that is cut short or damaged: libpng would write to stderr what it finds."""
    at = len(_MAGIC)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            break
        if zlib.crc32(data[at + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise ValueError("the PNG of a mask is damaged")
        if kind == b"IEND":
            return
        at = end + 4
    raise ValueError("the PNG of a mask is cut short")
