"""Masks of FiftyOne: a ``.npy``, compressed, as text, parsed here and never pickled; or a file.

Source: fiftyone ``core/utils.py`` (``serialize_numpy_array``); bson ``json_util`` for ``$binary``;
numpy ``lib/format.py`` for the head of a ``.npy``.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.errors import DataError
from yolokit.files.atomic import inside
from yolokit.images.size import read_image_size
from yolokit.labels.masks import MAX_MASK_PIXELS

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import Bool

_MAGIC = b"\x93NUMPY"
_MAX_HEAD_BYTES = 1 << 12
_DTYPE = re.compile(r"'descr':\s*'([|<>=]?[biuf][1248])'")
_SHAPE = re.compile(r"'shape':\s*\((\d{1,9}),\s*(\d{1,9})(?:,\s*1)?,?\)")
_FORTRAN = re.compile(r"'fortran_order':\s*True")


def decode_mask(value: Any) -> Bool:
    """Return a mask, (H, W) bool, that covers its box.

    Args:
        value: As ``samples.json`` has it: ``{"$binary": ...}``, or the text alone.

    Raises:
        ValueError: It is not a mask; the message says why.
    """
    try:
        data = base64.b64decode(_text(value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("its mask is not base64 text") from error
    inflate = zlib.decompressobj()
    try:
        head = inflate.decompress(data, _MAX_HEAD_BYTES)
        dtype, shape, fortran, start = _parse_head(head)
        # No more is unpacked than the head announces, whatever the text claims to hold.
        size = start + shape[0] * shape[1] * dtype.itemsize
        if len(head) < size:
            head += inflate.decompress(inflate.unconsumed_tail, size - len(head))
    except zlib.error as error:
        raise ValueError("its mask cannot be decompressed") from error
    if len(head) < size:
        raise ValueError(f"its mask of {shape[1]}x{shape[0]} px ends too early")
    values = np.frombuffer(head, dtype, shape[0] * shape[1], start)
    mask: Bool = values.reshape(shape, order="F" if fortran else "C") != 0
    return mask


def read_mask_file(folder: Path, name: Any) -> Bool:
    """Return a mask from an image of its own below a folder, as ``mask_path`` says.

    Raises:
        ValueError: It is outside of the folder, or not an image.
    """
    path = inside(folder, name) if isinstance(name, str) else None
    if path is None:
        raise ValueError(f"its mask_path leads out of the set: {str(name)[:80]!r}")
    try:
        size = read_image_size(path)
    except DataError as error:
        raise ValueError(f"its mask {name} is not readable: {error.message}") from error
    if size.width_px * size.height_px > MAX_MASK_PIXELS:
        raise ValueError(f"a mask of {size.width_px}x{size.height_px} px is not decoded")
    import cv2

    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        raise ValueError(f"its mask {name} is not an image that can be decoded")
    mask: Bool = pixels != 0
    return mask


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("$binary")
        value = value.get("base64") if isinstance(value, dict) else value
    if not isinstance(value, str):
        raise ValueError("no text")  # noqa: TRY004 - of the file, not of an argument
    return value


def _parse_head(data: bytes) -> tuple[np.dtype[Any], tuple[int, int], bool, int]:
    """Return the type, the (H, W), the order of a ``.npy``, and where its values begin."""
    if not data.startswith(_MAGIC) or len(data) < 12:
        raise ValueError("its mask is not an array of numpy")
    wide = data[6] > 1
    start = 12 if wide else 10
    end = start + int.from_bytes(data[8:start], "little")
    head = data[start:end].decode("latin-1")
    dtype, shape = _DTYPE.search(head), _SHAPE.search(head)
    if dtype is None or shape is None or end > len(data):
        raise ValueError("its mask is not an array of numbers in two dimensions")
    height, width = int(shape[1]), int(shape[2])
    if not 0 < height * width <= MAX_MASK_PIXELS:
        raise ValueError(f"a mask of {width}x{height} px is not decoded")
    return np.dtype(dtype[1]), (height, width), _FORTRAN.search(head) is not None, end
