"""Writes labelme: a JSON file beside each image, the image not inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.labels.model import Annotations, Dataset, LabelledImage

_VERSION = "5.5.0"
"""The first version that has all of these keys; labelme only warns of others."""


def write_labelme(dataset: Dataset, folder: Path) -> None:
    """Write ``<split>/<image>.json``.

    Args:
        dataset: Images with split and size, annotations inside the image.
        folder: Where the set is built.
    """
    encoder = msgspec.json.Encoder()
    for labelled in dataset.iter_images():
        name = labelled.image.file_name
        stem = name.rpartition(".")[0] or name
        path = folder.joinpath(labelled.image.split or "train", *f"{stem}.json".split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        content = encoder.encode(_to_file(labelled, dataset.names))
        path.write_bytes(msgspec.json.format(content, indent=2) + b"\n")


def _to_file(labelled: LabelledImage, names: tuple[str, ...]) -> dict[str, Any]:
    width_px, height_px = labelled.image.image_wh
    annotations = labelled.annotations
    groups = iter(range(1, len(annotations) + 1))
    shapes: list[dict[str, Any]] = []
    for row, index in enumerate(annotations.category_indices.tolist()):
        outlines = _outlines_of(annotations, row)
        group = next(groups) if len(outlines) > 1 else None
        shapes += [
            {
                "label": names[index],
                "points": points,
                "group_id": group,
                "description": "",
                "shape_type": kind,
                "flags": {},
                "mask": None,
            }
            for kind, points in outlines
        ]
    return {
        "version": _VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": labelled.image.file_name.rpartition("/")[2],
        "imageData": None,
        "imageHeight": height_px,
        "imageWidth": width_px,
    }


def _outlines_of(annotations: Annotations, row: int) -> list[tuple[str, list[list[float]]]]:
    """Return the shapes that an annotation is: their types and points."""
    shape = annotations.shapes.get(row)
    if shape is None:
        x1, y1, x2, y2 = annotations.xyxy[row].round(3).tolist()
        return [("rectangle", [[x1, y1], [x2, y2]])]
    kind = "oriented_rectangle" if shape.kind == "rotated" else "polygon"
    return [(kind, ring.round(3).tolist()) for ring in shape.rings]
