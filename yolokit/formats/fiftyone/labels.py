"""One label of FiftyOne, converted to the model's types: fractions of the image."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from yolokit.core.types import Bool
from yolokit.errors import DataError
from yolokit.files.atomic import inside
from yolokit.formats.toolkit.json_file import as_dict, as_list
from yolokit.formats.toolkit.mask_codecs import require_area
from yolokit.images.size import read_image_size
from yolokit.labels.masks import MAX_MASK_PIXELS, mask_to_shape
from yolokit.labels.shapes import Shape, outlines

_LISTS = {
    "Detections": ("Detection", "detections"),
    "Polylines": ("Polyline", "polylines"),
    "Keypoints": ("Keypoint", "keypoints"),
    "Classifications": ("Classification", "classifications"),
}
_FARTHEST = 2.0  # what lies beyond is in pixels, or nonsense
_SINGLE = {*(kind for kind, _ in _LISTS.values()), "Segmentation", "Heatmap"}
_MAGIC = b"\x93NUMPY"
_MAX_HEAD_BYTES = 1 << 12
_DTYPE = re.compile(r"'descr':\s*'([|<>=]?[biuf][1248])'")
_SHAPE = re.compile(r"'shape':\s*\((\d{1,9}),\s*(\d{1,9})(?:,\s*1)?,?\)")
_FORTRAN = re.compile(r"'fortran_order':\s*True")


class FieldLabel(NamedTuple):
    """A label, the field that has it, and its kind."""

    field: str
    kind: str
    content: Any

    @property
    def is_area(self) -> bool:
        """Whether it bounds an object: a box, or an outline that is closed and filled."""
        if self.kind == "Polyline":
            item = as_dict(self.content)
            return bool(item.get("closed") and item.get("filled"))
        return self.kind == "Detection"

    @property
    def is_prediction(self) -> bool:
        """Whether a model made it, and says how sure it is."""
        return as_dict(self.content).get("confidence") is not None

    @property
    def has_outline(self) -> bool:
        """Whether there is more than a box."""
        masks = map(as_dict(self.content).get, ("mask", "mask_path"))
        return self.kind == "Polyline" or any(mask is not None for mask in masks)


def iter_labels(sample: dict[str, Any]) -> Iterator[FieldLabel]:
    """Yield all labels of a sample, field by field."""
    for field, value in sample.items():
        kind = as_dict(value).get("_cls")
        if not isinstance(kind, str):
            continue
        if kind in _LISTS:
            of_items, key = _LISTS[kind]
            for item in as_list(value.get(key)):
                yield FieldLabel(field, of_items, item)
        elif kind in _SINGLE:
            yield FieldLabel(field, kind, value)


def read_label(label: FieldLabel, folder: Path, *, masks: bool) -> tuple[list[float], Shape | None]:
    """Return a label's box as xyxy, and its outline if it has one, in fractions of the image.

    Args:
        label: A box or a filled polygon.
        folder: Of the file, from where masks in files of their own are named.
        masks: Whether a mask beside the box is wanted.

    Raises:
        ValueError: It is not a usable box or outline; the message says why.
    """
    if not isinstance(label.content, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - of the file, not of an argument
    if label.kind == "Polyline":
        lists = label.content.get("points")
        if not isinstance(lists, list) or not lists or not all(isinstance(p, list) for p in lists):
            raise ValueError("its `points` are not lists of points")
        rings, remark = outlines(lists)
        shape = Shape(rings, remark=remark)
        if any((np.abs(ring) > _FARTHEST).any() for ring in shape.rings):
            raise ValueError("its `points` are not in fractions of the image")
        return shape.xyxy, shape
    x, y, width, height = _numbers(label.content.get("bounding_box"))
    box = [x, y, x + width, y + height]
    if masks and label.content.get("mask") is not None:
        return box, _shape_of_mask(decode_mask(label.content["mask"]), (x, y, width, height))
    if masks and label.content.get("mask_path") is not None:
        mask = _read_mask_file(folder, label.content["mask_path"])
        return box, _shape_of_mask(mask, (x, y, width, height))
    return box, None


def _numbers(value: Any) -> tuple[float, float, float, float]:
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError(f"its `bounding_box` is not [x, y, width, height] but {str(value)[:80]}")
    if any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in value):
        raise ValueError(f"its `bounding_box` is not four numbers: {str(value)[:80]}")
    if not all(abs(item) <= _FARTHEST for item in value):
        raise ValueError(f"its `bounding_box` is not in fractions of the image: {value}"[:120])
    x, y, width, height = (float(item) for item in value)
    return x, y, width, height


def _shape_of_mask(mask: Bool, xywh: Sequence[float]) -> Shape:
    """Trace a mask, whose pixels share out its box."""
    shape = require_area(mask_to_shape(mask), "its mask")
    height, width = mask.shape
    scale = np.array([xywh[2] / width, xywh[3] / height])
    rings = tuple(ring * scale + np.array(xywh[:2]) for ring in shape.rings)
    return msgspec.structs.replace(shape, rings=rings, box_stated=True)


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


def _read_mask_file(folder: Path, name: Any) -> Bool:
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
