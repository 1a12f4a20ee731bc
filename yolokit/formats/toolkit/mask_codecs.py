"""Masks inside annotation files.

COCO's are polygons, or run lengths as a list or as a compressed string. Those of other tools are
PNG files as text, whose size is looked at before they are decoded.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from typing import Any

import msgspec
import numpy as np

from yolokit.core.types import Bool
from yolokit.labels.masks import MAX_MASK_PIXELS, decode_runs, decompress_runs, mask_to_shape
from yolokit.labels.shapes import Shape, polygon

MAX_PNG_PIXELS = 1 << 26
"""Larger masks are refused: a few kilobytes of PNG can claim gigabytes of pixels."""

MAX_PNG_BYTES = 1 << 26
"""More than this is not taken out of a compressed mask."""

_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_NO_MASK = "`segmentation` is neither polygons nor run lengths"
_NUMBERS = frozenset({bool, float, int})


def set_fragments_aside(segmentation: Any) -> tuple[Any, int]:
    """Return a mask without polygons of fewer than three points, and how many of these it had.

    A stray click leaves such a polygon beside a whole one. Where none is whole, all stay.
    """
    if not isinstance(segmentation, list):
        return segmentation, 0
    whole = [flat for flat in segmentation if not _is_fragment(flat)]
    return (whole, len(segmentation) - len(whole)) if whole else (segmentation, 0)


def _is_fragment(flat: Any) -> bool:
    return isinstance(flat, list) and len(flat) < 6 and _are_numbers(flat)


def box_of_mask(segmentation: Any) -> tuple[float, float, float, float] | None:
    """Return the xyxy box around a mask in px, or None if it covers nothing.

    Raises:
        ValueError: It is not a mask; the message says why.
    """
    if isinstance(segmentation, list):
        return _box_of_polygons(segmentation)
    if isinstance(segmentation, dict):
        return _box_of_runs(segmentation)
    raise ValueError(_NO_MASK)


def _box_of_polygons(polygons: list[Any]) -> tuple[float, float, float, float] | None:
    points = [value for flat in _check_polygons(polygons) for value in flat]
    if not points:
        return None
    xs, ys = points[0::2], points[1::2]
    if any(value != value for value in points):  # noqa: PLR0124 - only NaN is unequal to itself
        raise ValueError("a polygon holds NaN")
    return float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))


def _check_polygons(polygons: list[Any]) -> list[list[float]]:
    """Return polygons as lists of x, y, x, y..., one that is not wrapped in a list too."""
    if polygons and _are_numbers(polygons):
        polygons = [polygons]
    for flat in polygons:
        if not isinstance(flat, list) or len(flat) % 2 or len(flat) < 6:
            raise ValueError("a polygon is not a list of three or more x, y pairs")
        if not _are_numbers(flat):
            raise ValueError("a polygon holds something that is not a number")
    return polygons


def _are_numbers(values: list[Any]) -> bool:
    return _NUMBERS.issuperset(map(type, values))  # JSON has no other numbers


def shape_of_mask(segmentation: Any, *, box_stated: bool) -> Shape | None:
    """Return a mask as outlines, or None if it covers nothing.

    Raises:
        ValueError: It is not a mask; the message says why.
    """
    if isinstance(segmentation, dict):
        runs, (height, width) = _read_runs(segmentation)
        shape = mask_to_shape(decode_runs(runs, (height, width)))
        return None if shape is None else msgspec.structs.replace(shape, box_stated=box_stated)
    if not isinstance(segmentation, list):
        raise ValueError(_NO_MASK)  # noqa: TRY004 - the caller drops the annotation for it
    rings = tuple(polygon(flat) for flat in _check_polygons(segmentation))
    return Shape(rings, box_stated=box_stated) if rings else None


def require_area(shape: Shape | None, what: str) -> Shape:
    """Return the shape of a mask.

    Raises:
        ValueError: There is none, since the mask covers nothing.
    """
    if shape is None:
        raise ValueError(f"{what} covers nothing")
    return shape


def _read_runs(mask: dict[str, Any]) -> tuple[list[int], tuple[int, int]]:
    """Return a mask's run lengths and its size, (H, W)."""
    size, counts = mask.get("size"), mask.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(type(v) is int for v in size):
        raise ValueError("a mask's `size` is not [height, width]")
    height, width = size
    runs = decompress_runs(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise ValueError("a mask's `counts` are not run lengths")
    if not 0 < height * width <= MAX_MASK_PIXELS or sum(runs) != height * width:
        raise ValueError(f"a mask's run lengths do not add up to {width}x{height} px")
    return runs, (height, width)


def _box_of_runs(mask: dict[str, Any]) -> tuple[float, float, float, float] | None:
    runs, (height, _) = _read_runs(mask)
    ends = np.cumsum(np.array(runs, np.int64))
    starts, stops = ends[0::2][: len(ends) // 2], ends[1::2]
    starts, stops = starts[stops > starts], stops[stops > starts]
    if not len(starts):
        return None
    # Pixels are counted down the columns; a run that goes on in the next column spans them all.
    first, last = starts // height, (stops - 1) // height
    wraps = bool((first != last).any())
    top = 0 if wraps else int((starts % height).min())
    bottom = height if wraps else int(((stops - 1) % height).max()) + 1
    return float(first.min()), float(top), float(last.max() + 1), float(bottom)


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
    """Decode a PNG to the pixels that it marks, (H, W) bool.

    Those are where the alpha channel is not 0 if there is one, else any channel.

    Raises:
        ValueError: It is not a PNG that can be decoded, or too large.
    """
    import cv2

    if data[:8] != _PNG_MAGIC or data[12:16] != b"IHDR" or len(data) < 26:
        raise ValueError("a mask is not a PNG")
    width, height = struct.unpack_from(">II", data, 16)
    if not 0 < width * height <= MAX_PNG_PIXELS:
        raise ValueError(f"a mask of {width}x{height} px is not decoded")
    _check_png_chunks(data)
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


def _check_png_chunks(data: bytes) -> None:
    """Refuse a PNG that is cut short or damaged: libpng would write to stderr what it finds."""
    at = len(_PNG_MAGIC)
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
