"""COCO JSON: one file a split with images, annotations and categories.

Ids are any numbers, with gaps or from 0; nothing is computed from them: classes go by name.
``bbox`` is ``[x, y, width, height]`` in px. Boxes in fractions of the image, as Azure writes them,
are recognised by their values. CVAT turns a box that has no outline by ``attributes.rotation``, in
degrees clockwise about its centre. LVIS has no ``file_name``: the end of ``coco_url`` is taken.

Source: https://cocodataset.org/#format-data, and of cvat-ai/datumaro
``datumaro/plugins/coco_format/converter.py``.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from yolokit.core.boxes import xyxy_to_xywh
from yolokit.core.task import Task
from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.coco.reader import CocoSource, read_sources
from yolokit.formats.toolkit.json_file import MAX_JSON_BYTES
from yolokit.formats.toolkit.layout import SourceLayout, split_from_name
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import HEAD_BYTES, SourceTree
from yolokit.formats.toolkit.units import UNITS
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, LabelledImage
from yolokit.labels.shapes import Shape, ring_area
from yolokit.labels.splits import SPLITS

TITLE = "COCO JSON"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
RECOGNISED_BY = "JSON with lists of images, annotations and categories"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "iscrowd": ("auto", "exclude", "keep"),
        "box": ("auto", "xywh", "xyxy", "cxcywh"),
        "units": UNITS,
    }
)
WRITES: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE)
IMAGE_FOLDER = "images/{split}"
WRITTEN = ("annotations/instances_{split}.json",)
MANY_OUTLINES = True

_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_END_BYTES = 1 << 26
_LIST = re.compile(rb"\s*:\s*\[")
_ANNOTATIONS = re.compile(rb'"annotations"\s*:\s*\[')
_OTHER = re.compile(rb'"(segments_info|caption)"\s*:')
_SHOWN_BYTES = 1 << 12


def sniff(tree: SourceTree) -> Match | None:
    """Recognise JSON files with lists of images, annotations and categories."""
    files = _find_files(tree)
    if not files:
        return None
    names = ", ".join([file.name for file in files][:4]) + (", ..." if len(files) > 4 else "")
    if max(files.values()) < len(_KEYS):
        return Match(0.5, f"{names}: a list of `images` or `annotations`, but not all of them")
    return Match(1.0, f"{names}: lists of `images`, `annotations` and `categories`")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open one COCO file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no COCO file, or one is broken, with the line.
    """
    prefix = "person_keypoints" if options.task == Task.POSE else "instances"
    files = [source] if source.is_file() else list(_find_files(SourceTree(source), prefix))
    if not files:
        raise DataError(
            "there is no JSON file with `images`, `annotations` and `categories` in it", path=source
        )
    layout = SourceLayout(source, options.images)
    sources = [_describe(file, layout) for file in files]
    dataset = read_sources(sources, ledger, options)
    beside = {file.name for file in _find_lists(SourceTree(source))} - {file.name for file in files}
    if not beside or source.is_file():
        return dataset
    told = f"{', '.join(sorted(beside))}: not read, since {files[0].name} describes the same images"
    return msgspec.structs.replace(dataset, evidence=(*dataset.evidence, told))


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write a JSON file a split; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    folder = folder / "annotations"
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


def _find_files(tree: SourceTree, prefix: str = "instances") -> dict[Path, int]:
    """Return COCO files and how many of the lists each has; where any begin with ``prefix``, these.

    The published COCO set describes the same images in ``captions_*`` and
    ``person_keypoints_*`` too.
    """
    found = {file: count for file, count in _find_lists(tree).items() if not _is_other(file)}
    chosen = {file.parent: prefix for file in found if file.name.startswith(prefix)}
    for file in found:
        if file.name.startswith("instances"):
            chosen.setdefault(file.parent, "instances")
    return {
        file: count
        for file, count in found.items()
        if file.name.startswith(chosen.get(file.parent, ""))
    }


def _find_lists(tree: SourceTree) -> dict[Path, int]:
    # One that is cut short is not passed over: reading it says what is wrong with it.
    least = len(_KEYS) - 1
    counts = {file: _count_lists(file, tree.head(file)) for file in tree.files(".json")}
    return {file: count for file, count in counts.items() if count >= least}


def _count_lists(path: Path, head: bytes) -> int:
    """Count which of the three lists of a COCO file are in a file, without decoding it."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return 0
    if len(head) < HEAD_BYTES:  # which is all of it
        return sum(_has_list(head, key, 0, len(head)) for key in _KEYS)
    try:
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            end = len(content)
            spans = [(0, end)]
            if end > MAX_JSON_BYTES:  # it will be refused; until then its ends say enough
                spans = [(0, _END_BYTES), (end - _END_BYTES, end)]
            return sum(any(_has_list(content, key, *span) for span in spans) for key in _KEYS)
    except (OSError, ValueError):
        return 0


def _is_other(path: Path) -> bool:
    """Tell whether the annotations of a file are COCO's segments or captions, not objects."""
    try:
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            start = _ANNOTATIONS.search(content, 0, _END_BYTES)
            return (
                start is not None
                and _OTHER.search(content[start.end() : start.end() + _SHOWN_BYTES]) is not None
            )
    except (OSError, ValueError):
        return False


def _has_list(content: bytes | mmap.mmap, key: bytes, start: int, end: int) -> bool:
    at = content.find(key, start, end)
    while at >= 0:
        at += len(key)
        if _LIST.match(content, at) is not None:
            return True
        at = content.find(key, at, end)
    return False


def _describe(path: Path, layout: SourceLayout) -> CocoSource:
    """Say which split a file is, and where its images may be: in ``val2017`` for one."""
    split = layout.split_of(path, holds_set=True)
    if split_from_name(path.name) is not None:
        words = [word for word in re.split(r"[^A-Za-z0-9]+", path.stem) if word]
        inner = words[-1:]
    else:
        inner = [layout.split_folder(path).name] if split else []
    return CocoSource(path, split, layout.image_roots(path, split, inner))


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
