"""Datumaro JSON: ``annotations/<subset>.json`` beside ``images/<subset>``.

Datumaro and CVAT ("Datumaro 1.0") write it. A label is a position in ``categories.label.labels``;
``bbox`` is ``[x, y, width, height]`` in px, a mask has the run lengths of COCO, an image's size is
``[height, width]``. ``group`` holds together what belongs to one object: what has the same group
(other than 0) and the same label becomes one annotation, unless it has two boxes. CVAT's
``rotation`` turns a box clockwise about its centre, in degrees. Points are keypoints where
``categories.points`` describes those of their label; where they have no box in their group, the
box around those that are labelled is taken. CVAT's skeleton has x, y, visibility of its points in
the order of that description.

Source: of open-edge-platform/datumaro
``src/datumaro/plugins/data_formats/datumaro/{base,exporter}.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.datumaro.shapes import (
    NO_AREAS,
    group_key,
    groups_of_outlines,
    is_fragment,
    read_part,
)
from yolokit.formats.toolkit.json_file import read_json
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.object_groups import BOX_OF_POINTS, GROUP, Part, join_parts
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, PoseLayout, SourceFile, describe_only_pose
from yolokit.labels.shapes import describe_fragments

TITLE = "Datumaro JSON"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
RECOGNISED_BY = "JSON with an object of categories and a list of items"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"group": GROUP, "iscrowd": ("exclude", "keep")}
)

_CATEGORIES = re.compile(rb'"categories"\s*:\s*\{')
_CONTENT = re.compile(rb'"items"\s*:\s*\[|"label"\s*:\s*\{\s*"labels"\s*:\s*\[')


def sniff(tree: SourceTree) -> Match | None:
    """Recognise JSON with ``categories`` as an object and ``items`` as a list."""
    file = tree.first(_is_datumaro, ".json", among=20)
    if file is None:
        return None
    return Match(1.0, f"{file.name} has an object `categories` and a list `items`")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a Datumaro file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no Datumaro file, or one is broken, with the line where there is one.
    """
    paths = SourceTree(source).pick(_is_datumaro, ".json")
    if not paths:
        raise DataError("there is no JSON file with `categories` and `items` in it", path=source)
    return _Reader(source, options, ledger).read(paths)


def _is_datumaro(head: bytes) -> bool:
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not plain.startswith(b"{") or _CATEGORIES.search(plain) is None:
        return False
    return _CONTENT.search(plain) is not None


class _Reader:
    """Reads files one by one; what is not an area goes to the ledger."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._options = options
        self._ledger = ledger
        self._keeps_crowds = options.assume.get("iscrowd") == "keep"
        self._joins = options.assume.get("group") != "separate"
        self._labels: dict[str, None] = {}
        self._points: dict[str, tuple[str, ...]] = {}
        self._pose: PoseLayout | None = None
        self._joined = 0
        self._rotated = 0

    def read(self, paths: Iterable[Path]) -> Dataset:
        """Read all files, and report all broken ones at once."""
        images = [image for listed in read_each(paths, self._read_file) for image in listed]
        points = {name for names in self._points.values() for name in names}
        return build_dataset(
            images,
            names=[name for name in self._labels if name not in points],
            evidence=list(self._evidence()),
            pose=self._pose,
        )

    def _read_file(self, path: Path) -> list[ImageRows]:
        content = read_json(path)
        if not isinstance(content, dict) or not isinstance(content.get("items"), list):
            raise DataError("this is not a Datumaro file: it has no list `items`", path=path)
        labels = _read_labels(content, path)
        self._labels.update(dict.fromkeys(labels))
        self._read_point_categories(content, labels, path)
        split = self._layout.split_of(path, holds_set=True)
        roots = self._layout.subset_roots(path, path.stem) or self._layout.image_roots(path)
        source = SourceFile(str(path), "index", roots)
        place = 0
        images: list[ImageRows] = []
        for at, item in enumerate(content["items"]):
            if not isinstance(item, dict):
                raise DataError(f"item {at} of `items` is not an object", path=path)
            annotations = item.get("annotations") or []
            if not isinstance(annotations, list):
                raise DataError(f"the `annotations` of item {at} are not a list", path=path)
            self._ledger.see(len(annotations))
            record = self._read_image(item, at, split, source)
            if record is None:
                self._drop_item(annotations, place, source)
            else:
                images.append(self._read_item(record, annotations, place, labels))
            place += len(annotations)
        return images

    def _read_image(
        self, item: dict[str, Any], at: int, split: str | None, source: SourceFile
    ) -> ImageRecord | None:
        """Return the image of an item, None for one of a video or of points in space."""
        media = next((item[key] for key in ("image", "media") if item.get(key)), None)
        others = ("video", "video_frame", "point_cloud")
        if media is None and any(item.get(key) for key in others):
            return None
        about = media if isinstance(media, dict) else {}
        name = about.get("path") or item.get("id")
        if not isinstance(name, str) or not name:
            raise DataError(
                f"item {at} of `items` has neither an `id` nor a path", path=source.path
            )
        size = about.get("size")
        if isinstance(size, list) and len(size) == 2 and all(_is_size(side) for side in size):
            height_px, width_px = size
            return ImageRecord(name, width_px, height_px, split, None, source)
        return ImageRecord(name, None, None, split, None, source)

    def _drop_item(self, annotations: list[Any], place: int, source: SourceFile) -> None:
        message = "it is of a video or of points in space, not of an image"
        if not annotations:
            self._ledger.note(source, None, "not-an-image", f"an item is left out: {message}")
        for offset in range(len(annotations)):
            self._ledger.record(source, place + offset, "dropped", "not-an-image", message)

    def _read_item(
        self, record: ImageRecord, annotations: list[Any], start: int, labels: list[str]
    ) -> ImageRows:
        rows = ImageRows(record)
        parts = list(self._iter_parts(annotations, start, labels, record.source))
        objects = join_parts(parts) if self._joins else [(part, []) for part in parts]
        for one, joined in objects:
            for part in joined:
                message = f"is a part of annotation {one.place}, of the same group and label"
                self._ledger.record(
                    record.source, part.place, "reinterpreted", "group-joined", message
                )
            self._joined += len(joined)
            self._add(one, rows)
        return rows

    def _iter_parts(
        self, annotations: list[Any], start: int, labels: list[str], source: SourceFile
    ) -> Iterator[Part]:
        whole = groups_of_outlines(annotations) if self._joins else frozenset()
        for place, item in enumerate(annotations, start):
            kind = item.get("type") if isinstance(item, dict) else None
            if not isinstance(kind, str):
                message = "it is not an object with a `type`"
                self._ledger.record(source, place, "dropped", "bad-annotation", message)
            elif kind in NO_AREAS:
                self._ledger.record(source, place, "excluded", "not-an-area", NO_AREAS[kind])
            elif _is_crowd(item) and not self._keeps_crowds:
                message = "marks a crowd, not one object"
                self._ledger.record(source, place, "excluded", "iscrowd", message)
            elif is_fragment(item) and group_key(item) in whole:
                self._ledger.record(source, place, "excluded", *describe_fragments(1))
            else:
                try:
                    yield read_part(item, kind, place, labels)
                except ValueError as error:
                    self._ledger.record(source, place, "dropped", "bad-annotation", str(error))

    def _add(self, part: Part, rows: ImageRows) -> None:
        source, place = rows.image.source, part.place
        keypoints = None
        if part.keypoints is not None:
            described = self._points.get(part.label)
            if described is None and part.xyxy is None and part.shape is None:
                message = "points that no category describes are not an area"
                self._ledger.record(source, place, "excluded", "not-an-area", message)
                return
            try:
                keypoints = _order_points(part, described or ())
            except ValueError as error:
                self._ledger.record(source, place, "dropped", "bad-annotation", str(error))
                return
        xyxy, remark = part.xyxy, None
        if xyxy is None and part.shape is None:
            xyxy, remark = part.box_of_points, BOX_OF_POINTS
            if xyxy is None:
                message = "none of its points is labelled"
                self._ledger.record(source, place, "excluded", "outside", message)
                return
        self._rotated += part.kind == "rotated"
        if self._pose is None:
            keypoints = None
        rows.add(part.label, place, xyxy, shape=part.shape, keypoints=keypoints, remark=remark)

    def _read_point_categories(
        self, content: dict[str, Any], labels: list[str], path: Path
    ) -> None:
        """Read what the points of each label are; two labels have the same for a pose."""
        described = content["categories"].get("points")
        items = described.get("items") if isinstance(described, dict) else None
        for item in items if isinstance(items, list) else ():
            label = item.get("label_id") if isinstance(item, dict) else None
            names = item.get("labels") if isinstance(item, dict) else None
            if type(label) is not int or not 0 <= label < len(labels) or not _are_names(names):
                raise DataError("an item of `categories.points` is malformed", path=path)
            if names:
                self._points[labels[label]] = tuple(names)
        if self._options.task == Task.POSE:
            described = {names: label for label, names in self._points.items()}
            self._pose = describe_only_pose(described, "labels", path)

    def _evidence(self) -> Iterator[str]:
        if self._joined:
            yield (
                f"{counted(self._joined, 'annotation was', 'annotations were')} joined with one of "
                "the same group and label, as parts of one object (--assume group=join|separate)"
            )
        if self._rotated:
            boxes = counted(self._rotated, "box is", "boxes are")
            yield f"{boxes} turned clockwise by the attribute `rotation`"


def _order_points(part: Part, names: tuple[str, ...]) -> F64 | None:
    """Return (K, 3) keypoints in the order of the category, None where it describes none.

    Raises:
        ValueError: They are not as many.
    """
    assert part.keypoints is not None, "the caller has looked"
    if not names:
        return None
    if set(part.names) == set(names):
        order = [part.names.index(name) for name in names]
        ordered: F64 = part.keypoints[np.array(order, np.int64)]
        return ordered
    if len(part.keypoints) != len(names):
        raise ValueError(
            f"it has {counted(len(part.keypoints), 'point')}, and its label {len(names)}"
        )
    return part.keypoints


def _read_labels(content: dict[str, Any], path: Path) -> list[str]:
    categories = content.get("categories")
    if not isinstance(categories, dict):
        raise DataError("this is not a Datumaro file: it has no object `categories`", path=path)
    described = categories.get("label")
    if described is None:
        return []
    items = described.get("labels") if isinstance(described, dict) else None
    if not isinstance(items, list):
        raise DataError("`categories.label` has no list `labels`", path=path)
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    if not _are_names(names):
        raise DataError("a label of `categories.label.labels` has no name", path=path)
    stripped = [str(name).strip() for name in names]
    if len(set(stripped)) < len(stripped):
        raise DataError("two labels of `categories.label.labels` have one name", path=path)
    return stripped


def _are_names(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) and v.strip() for v in values)


def _is_size(side: Any) -> bool:
    return type(side) is int and 0 < side < 1 << 31


def _is_crowd(item: dict[str, Any]) -> bool:
    attributes = item.get("attributes")
    return isinstance(attributes, dict) and attributes.get("is_crowd") in (True, 1, "true", "True")
