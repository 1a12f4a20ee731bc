"""Writes "CVAT for images 1.1" in the form of a project, whose subsets are the splits."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.labels.shapes import rotated_corners
from yolokit.labels.splits import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from yolokit.core.types import F64
    from yolokit.labels.model import Dataset, LabelledImage
    from yolokit.labels.shapes import Shape

_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SAME_PX = 0.005


def write_cvat(dataset: Dataset, path: Path, remarks: Sequence[str]) -> None:
    """Write one file for all splits.

    Args:
        dataset: Images with split and size, boxes inside the image.
        path: The file.
        remarks: Become a comment.

    Raises:
        DataError: A class, a keypoint or an image has a name that XML cannot hold, or two
            keypoints have one name.
    """
    points = dataset.pose.names if dataset.task == Task.POSE and dataset.pose is not None else ()
    for name in dataset.names:
        _check(name, "class")
    _check_points(points)
    names = [quoteattr(name) for name in dataset.names]
    lines: list[str] = []
    sizes: Counter[str] = Counter()
    for number, labelled in enumerate(dataset.iter_images()):
        split = labelled.image.split or "train"
        sizes[split] += 1
        lines += _to_lines(number, labelled, split, names, points)
    path.parent.mkdir(parents=True, exist_ok=True)
    head = _to_head(dataset.names, points, sizes, remarks)
    text = "\n".join([*head, *lines, "</annotations>", ""])
    path.write_text(text, encoding="utf-8", newline="\n")


def _to_head(
    names: Sequence[str], points: Sequence[str], sizes: Mapping[str, int], remarks: Sequence[str]
) -> Iterator[str]:
    """Yield what comes before the images: a task for each split, and the labels."""
    yield '<?xml version="1.0" encoding="utf-8"?>'
    if remarks:
        comment = _NO_XML.sub("?", " ".join(remarks))
        yield f"<!-- {re.sub('-(?=-)|-$', '- ', comment)} -->"
    yield from ("<annotations>", "  <version>1.1</version>", "  <meta>", "    <project>")
    yield "      <tasks>"
    for split in SPLITS:
        if split in sizes:
            yield (
                f"        <task><id>{SPLITS.index(split)}</id><name>{split}</name>"
                f"<size>{sizes[split]}</size><mode>annotation</mode><subset>{split}</subset></task>"
            )
    yield from ("      </tasks>", "      <labels>")
    for name in names:
        kind = "<type>skeleton</type>" if points else ""
        yield f"        <label><name>{escape(name)}</name>{kind}</label>"
        for point in points:
            yield (
                f"        <label><name>{escape(point)}</name><type>points</type>"
                f"<parent>{escape(name)}</parent></label>"
            )
    yield from ("      </labels>", "    </project>", "  </meta>")


def _check(name: str, what: str) -> None:
    if _NO_XML.search(name):
        raise DataError(f"XML cannot hold the {what} name {name!r}")


def _check_points(names: Sequence[str]) -> None:
    for name in names:
        _check(name, "keypoint")
    stripped = {name.strip() for name in names}
    if len(stripped) < len(names) or "" in stripped:
        raise DataError(f"CVAT tells keypoints apart by their names, which {list(names)} do not")


def _to_lines(
    number: int, labelled: LabelledImage, split: str, names: Sequence[str], points: Sequence[str]
) -> Iterator[str]:
    image, annotations = labelled.image, labelled.annotations
    _check(image.file_name, "file")
    width_px, height_px = image.image_wh
    yield (
        f'  <image id="{number}" name={quoteattr(image.file_name)} '
        f'subset="{split}" task_id="{SPLITS.index(split)}" '
        f'width="{width_px}" height="{height_px}">'
    )
    for row, index in enumerate(annotations.category_indices.tolist()):
        shape = annotations.shapes.get(row)
        tag, geometry = _describe(shape, annotations.xyxy[row])
        skeleton: list[str] = []
        if points and annotations.keypoints is not None:
            group = f'group_id="{row + 1}"'
            skeleton += _to_skeleton(names[index], group, points, annotations.keypoints[row])
            geometry += f" {group}" if skeleton else ""
        yield (
            f'    <{tag} label={names[index]} source="file" occluded="0" {geometry} z_order="0"/>'
        )
        yield from skeleton
    yield "  </image>"


def _to_skeleton(label: str, group: str, points: Sequence[str], keypoints: F64) -> Iterator[str]:
    """Yield the skeleton of (K, 3) keypoints; nothing where none of them is labelled."""
    if not keypoints[:, 2].any():
        return
    yield f'    <skeleton label={label} source="file" {group} z_order="0">'
    for name, (x, y, visibility) in zip(points, keypoints.tolist(), strict=True):
        yield (
            f'      <points label={quoteattr(name)} source="file" '
            f'outside="{int(visibility == 0)}" occluded="{int(visibility == 1)}" '
            f'points="{_number(x)},{_number(y)}"/>'
        )
    yield "    </skeleton>"


def _describe(shape: Shape | None, xyxy: F64) -> tuple[str, str]:
    """Return the tag of an annotation and its geometry as attributes."""
    if shape is None:
        return "box", _box(xyxy)
    ring = shape.rings[0]
    turned = _turned_box(ring) if shape.kind == "rotated" else None
    if turned is not None:
        return "box", turned
    points = ";".join(f"{_number(x)},{_number(y)}" for x, y in ring.tolist())
    return "polygon", f'points="{points}"'


def _turned_box(corners: F64) -> str | None:
    """Return a rotated box as CVAT has it, None where its corners are not a rectangle."""
    along, across = corners[1] - corners[0], corners[3] - corners[0]
    if along[0] * across[1] - along[1] * across[0] < 0:  # counter-clockwise
        return _turned_box(corners[[0, 3, 2, 1]])
    size = np.hypot(*along.tolist()), np.hypot(*across.tolist())
    degrees = float(np.rad2deg(np.arctan2(along[1], along[0]))) % 360
    center = corners.mean(axis=0)
    x, y = center.tolist()
    if np.abs(rotated_corners((x, y), size, degrees) - corners).max() > _SAME_PX:
        return None
    half = np.array(size) / 2
    box = _box(np.concatenate([center - half, center + half]))
    rotation = f"{degrees:.6f}".rstrip("0").rstrip(".")
    return box if float(rotation) % 360 == 0 else f'{box} rotation="{rotation}"'


def _box(xyxy: F64) -> str:
    names = ("xtl", "ytl", "xbr", "ybr")
    return " ".join(
        f'{name}="{_number(value)}"' for name, value in zip(names, xyxy.tolist(), strict=True)
    )


def _number(value: float) -> str:
    """Write a coordinate with at most four digits after the point, none where it is whole."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
