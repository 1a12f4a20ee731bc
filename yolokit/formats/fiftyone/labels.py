"""One label of FiftyOne, converted to the model's types: fractions of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from yolokit.formats.fiftyone.mask import decode_mask, read_mask_file
from yolokit.labels.masks import mask_to_shape
from yolokit.labels.shapes import Shape, outlines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolokit.core.types import Bool

_LISTS = {
    "Detections": ("Detection", "detections"),
    "Polylines": ("Polyline", "polylines"),
    "Keypoints": ("Keypoint", "keypoints"),
    "Classifications": ("Classification", "classifications"),
}
_FARTHEST = 2.0  # what lies beyond is in pixels, or nonsense
_SINGLE = {*(kind for kind, _ in _LISTS.values()), "Segmentation", "Heatmap"}


class FieldLabel(NamedTuple):
    """A label, the field that has it, and its kind."""

    field: str
    kind: str
    content: Any

    @property
    def is_area(self) -> bool:
        """Whether it bounds an object: a box, or an outline that is closed and filled."""
        if self.kind == "Polyline":
            item = self.content
            return isinstance(item, dict) and bool(item.get("closed") and item.get("filled"))
        return self.kind == "Detection"

    @property
    def is_prediction(self) -> bool:
        """Whether a model made it, and says how sure it is."""
        return isinstance(self.content, dict) and self.content.get("confidence") is not None

    @property
    def has_outline(self) -> bool:
        """Whether there is more than a box."""
        return self.kind == "Polyline" or (
            isinstance(self.content, dict)
            and any(self.content.get(key) is not None for key in ("mask", "mask_path"))
        )


def iter_labels(sample: dict[str, Any]) -> Iterator[FieldLabel]:
    """Yield all labels of a sample, field by field."""
    for field, value in sample.items():
        kind = value.get("_cls") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            continue
        if kind in _LISTS:
            of_items, key = _LISTS[kind]
            items = value.get(key)
            for item in items if isinstance(items, list) else ():
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
        mask = read_mask_file(folder, label.content["mask_path"])
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
    shape = mask_to_shape(mask)
    if shape is None:
        raise ValueError("its mask covers nothing")
    height, width = mask.shape
    scale = np.array([xywh[2] / width, xywh[3] / height])
    rings = tuple(ring * scale + np.array(xywh[:2]) for ring in shape.rings)
    return msgspec.structs.replace(shape, rings=rings, box_stated=True)
