"""Writes COCO: ``annotations/instances_<split>.json``, images in the order they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.boxes import xyxy_to_xywh
from yolokit.labels.shapes import ring_area
from yolokit.labels.splits import SPLITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.core.types import F64
    from yolokit.labels.model import Dataset, LabelledImage
    from yolokit.labels.shapes import Shape


def write_coco(dataset: Dataset, folder: Path, remarks: Sequence[str]) -> None:
    """Write a JSON file for each split.

    Args:
        dataset: Images with split and size, boxes inside the image.
        folder: Gets the files.
        remarks: Become the description of each file.
    """
    parts: dict[str, _Part] = {}
    ids = _category_ids(dataset)
    for labelled in dataset.iter_images():
        parts.setdefault(labelled.image.split or "", _Part(ids)).add(labelled)
    points = {"keypoints": list(dataset.pose.names), "skeleton": []} if dataset.pose else {}
    categories = [
        {"id": ids[category.index], "name": category.name, "supercategory": "none", **points}
        for category in dataset.categories
    ]
    folder.mkdir(parents=True, exist_ok=True)
    encode = msgspec.json.encode
    for split in SPLITS:
        if split not in parts:
            continue
        with (folder / f"instances_{split}.json").open("wb") as stream:
            stream.write(b'{"info":' + encode({"description": " ".join(remarks)}))
            stream.write(b',"licenses":[],"categories":' + encode(categories))
            stream.write(b',"images":[\n' + b",\n".join(parts[split].images))
            stream.write(b'\n],"annotations":[\n' + b",\n".join(parts[split].annotations))
            stream.write(b"\n]}\n")


def _category_ids(dataset: Dataset) -> list[int]:
    """Return the ids of a COCO source as they were, else 1, 2, 3...: 0 is background to some."""
    ids = [category.source_id for category in dataset.categories]
    numbers = [number for number in ids if isinstance(number, int) and number > 0]
    if len(set(numbers)) == len(ids):
        return numbers
    return list(range(1, len(ids) + 1))


class _Part:
    """The items of one split, each encoded."""

    def __init__(self, category_ids: Sequence[int]) -> None:
        self._category_ids = category_ids
        self._encode = msgspec.json.Encoder().encode
        self.images: list[bytes] = []
        self.annotations: list[bytes] = []

    def add(self, labelled: LabelledImage) -> None:
        image, annotations = labelled.image, labelled.annotations
        width_px, height_px = image.image_wh
        image_id = len(self.images) + 1
        self.images.append(
            self._encode(
                {
                    "id": image_id,
                    "file_name": image.file_name,
                    "width": width_px,
                    "height": height_px,
                }
            )
        )
        boxes = xyxy_to_xywh(annotations.xyxy).round(3).tolist()
        classes = annotations.category_indices.tolist()
        for row, (index, box) in enumerate(zip(classes, boxes, strict=True)):
            item: dict[str, Any] = {
                "id": len(self.annotations) + 1,
                "image_id": image_id,
                "category_id": self._category_ids[index],
                "bbox": box,
                "area": round(box[2] * box[3], 3),
                "iscrowd": 0,
                "segmentation": [],
            }
            if row in annotations.shapes:
                item |= _describe_shape(annotations.shapes[row])
            if annotations.keypoints is not None:
                item |= _describe_keypoints(annotations.keypoints[row])
            self.annotations.append(self._encode(item))


def _describe_shape(shape: Shape) -> dict[str, object]:
    rings = [ring.round(3).ravel().tolist() for ring in shape.rings]
    area = sum(abs(ring_area(ring)) for ring in shape.rings)
    return {"segmentation": rings, "area": round(area, 3)}


def _describe_keypoints(keypoints: F64) -> dict[str, object]:
    """Return (K, 3) keypoints as COCO's flat list; visibility is a whole number."""
    flat: list[float | int] = []
    for x, y, visibility in keypoints.round(3).tolist():
        flat += [x, y, int(visibility)]
    return {"keypoints": flat, "num_keypoints": int((keypoints[:, 2] > 0).sum())}
