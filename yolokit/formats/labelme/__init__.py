"""labelme: one JSON file an image, beside it; also as X-AnyLabeling and its kin write it.

Coordinates are pixels of the upright image. Shapes with one label and one ``group_id`` are parts
of one object. The image may be in the file too (``imageData``); it is never needed.

Source: labelme ``_label_file.py``, ``utils/shape.py:shapes_to_label``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any

import msgspec

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.labelme.shapes import Area, is_fragment, read_area
from yolokit.formats.toolkit.image_index import fold
from yolokit.formats.toolkit.json_file import as_dict, as_size, as_text, read_json
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.object_groups import GROUP
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.images.listing import is_absolute_anywhere, is_image_name
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, Dataset, ImageRecord, LabelledImage, SourceFile
from yolokit.labels.shapes import Shape, box_corners, describe_fragments, enclosing_box

TITLE = "labelme"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.OBB)
RECOGNISED_BY = "JSON files with shapes and an imagePath"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType({"group": GROUP})
WRITES: tuple[Task, ...] = READS
IMAGE_FOLDER = "{split}"
WRITTEN = ("{split}/*.json",)
MANY_OUTLINES = True

_SHAPES = re.compile(rb'"shapes"\s*:\s*\[')
_BESIDE = re.compile(rb'"(imagePath|imageData|shape_type|lineColor)"\s*:')
_IMAGE_FIRST = re.compile(rb'"imageData"\s*:\s*"[A-Za-z0-9+/]{1000}')
_NO_AREAS = frozenset({"point", "points", "line", "linestrip"})
_VERSION = "5.5.0"
"""The first version that has all of these keys; labelme only warns of others."""


def sniff(tree: SourceTree) -> Match | None:
    """Recognise JSON files with shapes beside the path of an image."""
    file = tree.first(_is_labelme, ".json", among=10)
    if file is None:
        return None
    return Match(1.0, f"{file.name} has `shapes` and the path or the data of an image")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read one file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no such file, or one is broken, with its line.
    """
    tree = SourceTree(source)
    files = [
        file for file in tree.files(".json") if source.is_file() or _is_labelme(tree.head(file))
    ]
    if not files:
        raise DataError("there is no JSON file of labelme in it", path=source)
    reader = _Reader(source, options, ledger)
    read_each(files, reader.add_file)
    return reader.finish()


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write a JSON file beside each image; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    del remarks  # the format has no place for them
    encoder = msgspec.json.Encoder()
    for labelled in dataset.iter_images():
        name = labelled.image.file_name
        stem = name.rpartition(".")[0] or name
        path = folder.joinpath(labelled.image.split or "train", *f"{stem}.json".split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        content = encoder.encode(_to_file(labelled, dataset.names))
        path.write_bytes(msgspec.json.format(content, indent=2) + b"\n")


def _is_labelme(head: bytes) -> bool:
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    with_shapes = _SHAPES.search(head) is not None and _BESIDE.search(head) is not None
    return with_shapes or _IMAGE_FIRST.search(head) is not None


class _Reader:
    """Reads files one by one; :meth:`finish` puts the data set together."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._ledger = ledger
        self._joins = options.assume.get("group") != "separate"
        self._rows: list[ImageRows] = []
        self._images: dict[Path, dict[str, list[str]]] = {}
        self._joined = 0

    def add_file(self, path: Path) -> None:
        """Read the file of one image."""
        content = read_json(path)
        shapes = as_dict(content).get("shapes")
        if not isinstance(shapes, list):
            raise DataError("this is not a labelme file: it has no list `shapes`", path=path)
        record = self._read_image(path, content)
        rows = ImageRows(record)
        groups: dict[object, list[tuple[int, dict[str, Any]]]] = {}
        for place, item in enumerate(shapes):
            shape = as_dict(item)
            groups.setdefault(self._key_of(place, shape), []).append((place, shape))
        for parts in groups.values():
            self._ledger.see(1)
            self._add_object(rows, parts)
        self._rows.append(rows)

    def finish(self) -> Dataset:
        """Return what was added as a data set."""
        evidence = []
        if self._joined:
            evidence.append(
                f"{counted(self._joined, 'object has', 'objects have')} several shapes with one "
                "label and one group_id, joined to one annotation (--assume group=join|separate)"
            )
        return build_dataset(self._rows, evidence=evidence)

    def _key_of(self, place: int, shape: dict[str, Any]) -> object:
        """Return what the parts of an object have in common."""
        group = shape.get("group_id")
        if not self._joins or type(group) not in (int, str) or _kind_of(shape) in _NO_AREAS:
            return place
        return as_text(shape.get("label")), str(group)

    def _add_object(self, rows: ImageRows, parts: list[tuple[int, dict[str, Any]]]) -> None:
        """Add an object, or enter why that cannot be; a part that is faulty takes all with it."""
        place, first = parts[0]
        source = rows.image.source
        kind = _kind_of(first)
        if kind in _NO_AREAS:
            message = f"a {kind} is not an area"
            self._ledger.record(source, place, "excluded", "not-an-area", message)
            return
        whole = [part for part in parts if not is_fragment(part[1], _kind_of(part[1]))] or parts
        if len(whole) < len(parts):
            self._ledger.note(source, place, *describe_fragments(len(parts) - len(whole)))
            parts, (place, first) = whole, whole[0]
        try:
            name = _label_of(first)
            areas = [read_area(shape, _kind_of(shape)) for _, shape in parts]
        except ValueError as error:
            self._ledger.record(source, place, "dropped", "bad-shape", str(error))
            return
        if len(areas) == 1:
            xyxy, shape = areas[0]
            rows.add(name, place, xyxy, shape=shape)
            return
        self._joined += 1
        _add_joined(rows, name, place, areas)

    def _read_image(self, path: Path, content: dict[str, Any]) -> ImageRecord:
        split, base = self._layout.split_of(path), self._layout.split_folder(path)
        inner = path.parent.relative_to(base).as_posix()
        stated = as_text(content.get("imagePath"))
        plain = PureWindowsPath(stated).as_posix() if stated else path.stem
        others: tuple[str, ...] = ()
        if is_absolute_anywhere(plain):
            others, plain = (plain,), PurePosixPath(plain).name
        # A name may lead out of the file's folder, but what is looked for lies below the roots.
        name = os.path.normpath(f"{inner}/{plain}").replace(os.sep, "/").lstrip("/")
        while name.startswith("../"):
            name = name.removeprefix("../")
        if name in ("", ".", "..") or "\x00" in name:
            name = path.stem
        width_px, height_px = as_size(content.get("imageWidth"), content.get("imageHeight"))
        source = SourceFile(str(path), "index", self._layout.image_roots(base / "_", split))
        if fold(PurePosixPath(name).stem) != fold(path.stem):  # files renamed, or JSON copied
            own = self._image_beside(path)
            if own is not None:
                message = f"imagePath is {stated}; using {own}, which has the name of the file"
                self._ledger.note(source, None, "image-elsewhere", message)
            beside = os.path.normpath(f"{inner}/{own or path.stem}").replace(os.sep, "/")
            name, others = (beside, ()) if own is not None else (name, (*others, beside))
        return ImageRecord(name, width_px, height_px, split, None, source, others)

    def _image_beside(self, path: Path) -> str | None:
        """Return the name of the one image beside a file that is called like it."""
        if path.parent not in self._images:
            names = self._images[path.parent] = {}
            for entry in path.parent.iterdir():
                if is_image_name(entry.name):
                    names.setdefault(fold(entry.stem), []).append(entry.name)
        found = self._images[path.parent].get(fold(path.stem), [])
        return found[0] if len(found) == 1 else None


def _label_of(shape: dict[str, Any]) -> str:
    name = as_text(shape.get("label"))
    if not name:
        raise ValueError("the shape has no label")
    return name


def _kind_of(shape: dict[str, Any]) -> str:
    """Return the type of a shape; old files have none, all their shapes are polygons."""
    return as_text(shape.get("shape_type")) or "polygon"


def _add_joined(rows: ImageRows, name: str, place: int, areas: list[Area]) -> None:
    """Add several shapes as one annotation: as outlines, or as the box around boxes."""
    rings = [
        ring
        for xyxy, shape in areas
        for ring in (shape.rings if shape is not None else (box_corners(xyxy or []),))
    ]
    if all(shape is None for _, shape in areas):
        rectangles = counted(len(areas), "rectangle")
        remark = f"boxes-joined: {rectangles} of one group became the box around them"
        rows.add(name, place, enclosing_box(rings), remark=remark)
        return
    remarks = [shape.remark for _, shape in areas if shape is not None and shape.remark]
    if any(shape is None or shape.kind == "rotated" for _, shape in areas):
        remarks.append("parts-joined: boxes among the parts became outlines of their corners")
    rows.add(name, place, shape=Shape(tuple(rings), remark=remarks[0] if remarks else None))


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
