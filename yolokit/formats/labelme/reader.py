"""Reads labelme's files into the model: parts of one object joined, what is not an area entered."""

from __future__ import annotations

import os
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.formats.labelme.shapes import is_fragment, read_area
from yolokit.formats.toolkit.image_index import fold
from yolokit.formats.toolkit.json_file import as_dict, as_size, as_text, read_json
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.images.listing import is_absolute_anywhere, is_image_name
from yolokit.labels.builder import ImageRows, collect_dataset
from yolokit.labels.model import ImageRecord, SourceFile
from yolokit.labels.shapes import Shape, box_corners, describe_fragments, enclosing_box

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.formats.labelme.shapes import Area
    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

_NO_AREAS = frozenset({"point", "points", "line", "linestrip"})


class LabelmeReader:
    """Reads files one by one; :meth:`finish` puts the data set together."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._ledger = ledger
        self._joins = options.assume.get("group") != "separate"
        self._rows: list[ImageRows] = []
        self._images: dict[Path, dict[str, list[str]]] = {}
        self._joined = 0

    def add_file(self, path: Path) -> None:
        """Read the file of one image.

        Raises:
            DataError: It is not a labelme file.
        """
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
        return collect_dataset(self._rows, evidence=evidence)

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
