"""Brush masks of Label Studio: run lengths packed into bits.

Source: @thi.ng/rle-pack ``decode``, and label-studio-sdk ``converter/brush.py:decode_rle``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from yolokit.core.types import U8, Bool

MAX_BRUSH_PIXELS = 1 << 26
"""Larger masks are refused: each pixel is unpacked to four bytes."""

_CHANNELS = 4  # the mask is the alpha channel of an RGBA image


def decode_brush(rle: Any, shape: tuple[int, int]) -> Bool:
    """Decode the run lengths of a brush into a mask.

    Args:
        rle: The list of bytes in the region's ``rle``.
        shape: (H, W) of the image that it was painted on.

    Returns:
        (H, W) bool.

    Raises:
        ValueError: It is not such a list, is cut short, or has another size.
    """
    height, width = shape
    if not 0 < height * width <= MAX_BRUSH_PIXELS:
        raise ValueError(f"a brush mask of {width}x{height} px is not decoded")
    reader = _BitReader(_as_bytes(rle))
    count = reader.read(32)
    if count != height * width * _CHANNELS:
        raise ValueError(
            f"a brush mask has {counted(count, 'value')}, not those of {width}x{height} px"
        )
    word_bits = reader.read(5) + 1
    if word_bits != 8:
        raise ValueError(f"a brush mask has values of {counted(word_bits, 'bit')}, not of 8")
    length_bits = [reader.read(4) + 1 for _ in range(4)]
    values = np.zeros(count, np.uint8)
    at = 0
    while at < count:
        repeated = reader.read(1)
        length = reader.read(length_bits[reader.read(2)]) + 1
        if at + length > count:
            raise ValueError("a brush mask has more values than it says")
        values[at : at + length] = reader.read(8) if repeated else reader.read_bytes(length)
        at += length
    mask: Bool = values.reshape(height, width, _CHANNELS)[:, :, 3] > 0
    return mask


def _as_bytes(rle: Any) -> U8:
    if not isinstance(rle, list) or not all(type(v) is int and 0 <= v < 256 for v in rle):
        raise ValueError("the `rle` of a brush is not a list of bytes")
    return np.array(rle, np.uint8)


class _BitReader:
    """Reads numbers from bits, the most significant first."""

    def __init__(self, data: U8) -> None:
        self._bits = np.unpackbits(data)
        self._text = (self._bits + ord("0")).tobytes()
        self._at = 0

    def read(self, count: int) -> int:
        start = self._advance(count)
        return int(self._text[start : self._at], 2)

    def read_bytes(self, count: int) -> U8:
        """Return ``count`` numbers of 8 bits."""
        start = self._advance(8 * count)
        return np.packbits(self._bits[start : self._at])

    def _advance(self, count: int) -> int:
        start = self._at
        if start + count > len(self._bits):
            raise ValueError("a brush mask is cut short")
        self._at += count
        return start
