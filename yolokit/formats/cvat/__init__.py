"""CVAT XML 1.1: ``annotations.xml`` of "CVAT for images" and "CVAT for video", as CVAT exports it.

Coordinates are px from the top-left corner of the image. ``rotation`` is in degrees, clockwise
about the centre of the box or ellipse that is not turned. A mask has its runs along the rows of
its own box, background first. Each shape of an image is in its ``<image>``; of a video, in
the ``<track>`` of its object with the number that the frame has in the video, also where the task
takes only every n-th. ``outside="1"`` says that the object is not seen from that frame on.
CVAT writes all frames of a track; other tools write key frames alone, between which boxes,
ellipses, skeletons and polygons of the same number of points change linearly.

Shapes of an image or a frame that have the same label and ``group_id`` (other than 0) are parts of
one object, as in what CVAT exports as COCO, unless two are boxes or two are skeletons: a box, its
outlines, its keypoints. A skeleton has no box: without one in its group, the box around its visible
points is taken. Poses are written as a box and a skeleton in a group, and a pose without labelled
keypoints as a box alone. Points have ``outside="1"`` where they are not labelled and
``occluded="1"`` where they are hidden.

Source: https://docs.cvat.ai/docs/other/xml_format, and of cvat-ai/cvat
``cvat/apps/dataset_manager/formats/cvat.py`` and ``annotation.py``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from yolokit.core.task import Task
from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.cvat.reader import CvatReader
from yolokit.formats.toolkit.object_groups import GROUP
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, LabelledImage
from yolokit.labels.shapes import Shape, rotated_corners
from yolokit.labels.splits import SPLITS

TITLE = "CVAT XML 1.1 (for images, for video)"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
RECOGNISED_BY = "XML files whose root element is <annotations> with images or tracks"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "group": GROUP,
        "gaps": ("auto", "fill", "leave"),
        "track-end": ("last-key-frame", "stop-frame"),
        "frame-files": ("by-number", "sorted"),
    }
)
WRITES: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
IMAGE_FOLDER = "images/{split}"
WRITTEN = ("annotations.xml",)
MANY_OUTLINES = False

_ROOT = re.compile(
    rb"\s*(<\?xml.{0,200}?\?>)?\s*(<!--.{0,4096}?-->\s*)*<annotations[\s>]", re.DOTALL
)
_PARTS = (b"<version>", b"<meta>", b"<image ", b"<track ")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SAME_PX = 0.005


def sniff(tree: SourceTree) -> Match | None:
    """Recognise XML whose root element is ``annotations`` and has CVAT's parts."""
    file = tree.first(_is_cvat, ".xml", among=20)
    if file is None:
        return None
    return Match(1.0, f"{file.name} has the root element <annotations> with CVAT's parts")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a CVAT file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no CVAT file, or one is broken, with its line.
    """
    paths = SourceTree(source).pick(_is_cvat, ".xml")
    if not paths:
        raise DataError("there is no XML file with a root element <annotations> in it", path=source)
    return CvatReader(source, options, ledger).read(paths)


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write "CVAT for images" as a project; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Its subsets are the splits.

    Raises:
        DataError: A class, a keypoint or an image has a name that XML cannot hold, or two
            keypoints have one name.
    """
    path = folder / "annotations.xml"
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


def _is_cvat(head: bytes) -> bool:
    plain = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    return _ROOT.match(plain) is not None and any(part in plain for part in _PARTS)


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
            f'points="{_format(x)},{_format(y)}"/>'
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
    points = ";".join(f"{_format(x)},{_format(y)}" for x, y in ring.tolist())
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
        f'{name}="{_format(value)}"' for name, value in zip(names, xyxy.tolist(), strict=True)
    )


def _format(value: float) -> str:
    """Write a coordinate with at most four digits after the point, none where it is whole."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
