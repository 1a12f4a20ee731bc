"""Writes TFRecord files by hand, for tests: the wire format of Protocol Buffers."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import cv2
import numpy as np

from yolokit.formats.tfrecord.file import masked_crc32c

Value: TypeAlias = bytes | int | float | str
Values: TypeAlias = "Value | Sequence[Value]"


def frame(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    checksums = [struct.pack("<I", masked_crc32c(part)) for part in (length, data)]
    return length + checksums[0] + data + checksums[1]


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def feature(values: Values, *, packed: bool = True) -> bytes:
    items = [values] if isinstance(values, (bytes, int, float, str)) else list(values)
    if items and isinstance(items[0], (bytes, str)):
        texts = [item.encode() if isinstance(item, str) else item for item in items]
        return field(1, b"".join(field(1, item) for item in texts if isinstance(item, bytes)))
    numbers = [item for item in items if isinstance(item, (int, float))]
    if not items or isinstance(items[0], float):
        parts = [struct.pack("<f", item) for item in numbers]
        alone = b"".join(b"\x0d" + part for part in parts)
        return field(2, field(1, b"".join(parts)) if packed else alone)
    parts = [varint(int(item)) for item in numbers]
    alone = b"".join(b"\x08" + part for part in parts)
    return field(3, field(1, b"".join(parts)) if packed else alone)


def example(features: Mapping[str, Values], *, packed: bool = True) -> bytes:
    entries = [
        field(1, field(1, key.encode()) + field(2, feature(values, packed=packed)))
        for key, values in features.items()
    ]
    return field(1, b"".join(entries))


def image_bytes(suffix: str = ".jpg", width_px: int = 64, height_px: int = 48) -> bytes:
    image = np.full((height_px, width_px, 3), 90, np.uint8)
    return cv2.imencode(suffix, image)[1].tobytes()


def record(
    boxes: Sequence[tuple[float, float, float, float]] = (),
    labels: Sequence[int] = (),
    texts: Sequence[str] = (),
    *,
    packed: bool = True,
    **more: Values,
) -> bytes:
    """Frame an Example as ``create_pascal_tf_record.py`` makes it; boxes are xmin ymin xmax ymax.

    Keys of ``more`` stand below ``image/``, with ``__`` for ``/``; None leaves one out.
    """
    columns = [[float(box[at]) for box in boxes] for at in range(4)]
    values: dict[str, Values] = {
        "height": 48,
        "width": 64,
        "filename": "a.jpg",
        "source_id": "a.jpg",
        "key/sha256": "00",
        "encoded": image_bytes(),
        "format": "jpeg",
        "object/bbox/xmin": columns[0],
        "object/bbox/xmax": columns[2],
        "object/bbox/ymin": columns[1],
        "object/bbox/ymax": columns[3],
        "object/class/text": texts,
        "object/class/label": labels,
    }
    values |= {key.replace("__", "/"): value for key, value in more.items()}
    return frame(example({f"image/{key}": value for key, value in values.items()}, packed=packed))
