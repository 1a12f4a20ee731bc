"""Reads Pascal VOC files one by one; what is not a box goes to the ledger."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.toolkit.image_index import fold
from yolokit.formats.toolkit.layout import SourceLayout, SplitLists, is_annotation_folder
from yolokit.formats.toolkit.plugin import ReadOptions
from yolokit.formats.toolkit.source_tree import read_each
from yolokit.formats.toolkit.text_labels import read_size
from yolokit.formats.toolkit.xml_tree import XmlElement, read_xml
from yolokit.images.listing import is_image_name
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile
from yolokit.labels.shapes import Shape, turned_box

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ROTATED = ("cx", "cy", "w", "h", "angle")
_MAX_DEGREES = 1e6


class _Parsed(NamedTuple):
    """One file: class names beside their boxes, as they are stated, and lines."""

    image: ImageRecord
    names: list[str]
    boxes: list[_VocBox]
    lines: list[int]


class _Place(NamedTuple):
    """What a folder of annotation files says about them.

    Attributes:
        base: The set that it is in.
        prefix: What ``ImageSets`` has before the names of its files: the folders inside.
        split: That a folder is called after.
        image_roots: Where their images may lie.
    """

    base: SplitLists
    prefix: str
    split: str | None
    image_roots: tuple[str, ...]


class VocReader:
    """Reads files one by one; what is not a box goes to the ledger."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._ledger = ledger
        self._shift = 1.0 if options.assume.get("origin") == "1" else 0.0
        self._exclude_difficult = options.assume.get("difficult") == "exclude"
        self._bases: dict[Path, SplitLists] = {}
        self._places: dict[str, _Place] = {}
        self._smallest = np.inf
        self._reaches_edge = 0
        self._turned = 0
        self.has_splits = False

    def read_files(self, paths: Iterable[Path]) -> list[_Parsed]:
        """Read all files, and report all broken ones at once."""
        parsed = read_each(paths, self._read_file)
        counts = Counter((one.image.split, one.image.file_name) for one in parsed)
        stated = [counts[one.image.split, one.image.file_name] for one in parsed]
        return [
            self._named_by_file(one) if count > 1 else one
            for one, count in zip(parsed, stated, strict=True)
        ]

    def _named_by_file(self, parsed: _Parsed) -> _Parsed:
        """Go by the name of a file whose ``filename`` others have too: files are renamed so."""
        image = parsed.image
        own, *others = (*image.other_names, image.file_name)
        if len(others) < 2 or fold(own.rpartition("/")[2]) == fold(image.file_name):
            return parsed  # it is called so itself
        message = f"{image.file_name} is named in other files too; looking for {own}"
        self._ledger.note(image.source, None, "name-twice", message)
        image = msgspec.structs.replace(image, file_name=own, other_names=tuple(others))
        return parsed._replace(image=image)

    def _read_file(self, path: Path) -> _Parsed:
        root = read_xml(path)
        if root.tag != "annotation":
            raise DataError(
                f"the root element is <{root.tag}>, not <annotation>", path=path, line=root.line
            )
        image = self._read_image(root, path)
        found = _Parsed(image, [], [], [])
        objects = list(root.all("object"))
        self._ledger.see(len(objects))
        for element in objects:
            name = element.text_of("name")
            box = self._read_object(element, name, image.source)
            if box is not None:
                found.names.append(name)
                found.boxes.append(box)
                found.lines.append(element.line)
        return found

    def to_images(self, parsed: Sequence[_Parsed], names: Sequence[str]) -> list[LabelledImage]:
        """Return the images of all files with their annotations; classes by their place in names.

        Those of all files are made arrays at once: most of the time would go into small ones.
        """
        index = {name: at for at, name in enumerate(names)}
        counts = [len(one.names) for one in parsed]
        classes = np.array([index[name] for one in parsed for name in one.names], np.int64)
        lines = np.array([line for one in parsed for line in one.lines], np.int64)
        stated = [box.xyxy for one in parsed for box in one.boxes]
        xyxy = np.array(stated, np.float64).reshape(-1, 4)
        self._observe(xyxy, np.repeat([_size_of(one.image) for one in parsed], counts, axis=0))
        xyxy[:, :2] -= self._shift
        images: list[LabelledImage] = []
        end = 0
        for one, count in zip(parsed, counts, strict=True):
            start, end = end, end + count
            shapes = self._turn(one.boxes, xyxy[start:end])
            annotations = Annotations(
                classes[start:end], xyxy[start:end], lines[start:end], {}, shapes
            )
            images.append(LabelledImage(one.image, annotations))
        return images

    def _turn(self, boxes: Sequence[_VocBox], xyxy: F64) -> dict[int, Shape]:
        """Return the shapes of turned boxes by their rows in (N, 4) xyxy, which they are put in."""
        shapes = {
            row: turned_box(xyxy[row].tolist(), box.degrees)
            for row, box in enumerate(boxes)
            if box.degrees
        }
        for row, shape in shapes.items():
            xyxy[row] = shape.xyxy
        self._turned += len(shapes)
        return shapes

    def _read_image(self, root: XmlElement, path: Path) -> ImageRecord:
        folder, own_name = os.path.split(path)
        place = self._place_of(folder)
        stem = place.prefix + os.path.splitext(own_name)[0]  # noqa: PTH122 - hot path
        source = SourceFile(str(path), "line", place.image_roots)
        name = root.text_of("filename") or stem
        suffix = os.path.splitext(name)[1] if is_image_name(name) else ""  # noqa: PTH122
        texts = [root.text_of("size", side) for side in ("width", "height")]
        width_px, height_px = read_size(texts)
        if width_px is None and root.find("size") is not None:
            self._ledger.note(source, root.line, "no-size", "the <size> is not usable")
        return ImageRecord(
            name,
            width_px,
            height_px,
            self._split_of(stem, place, source),
            None,
            source,
            tuple(other for other in (stem + suffix, stem) if other != name),
        )

    def _read_object(self, element: XmlElement, name: str, source: SourceFile) -> _VocBox | None:
        """Return the box of an object, or None if it has to go, which is entered."""
        try:
            box = _read_box(element, name)
        except ValueError as error:
            self._ledger.record(source, element.line, "dropped", "bad-object", str(error))
            return None
        if self._exclude_difficult and element.text_of("difficult") == "1":
            message = f"the {name} is marked as difficult"
            self._ledger.record(source, element.line, "excluded", "difficult", message)
            return None
        return box

    def _place_of(self, name: str) -> _Place:
        if name not in self._places:
            home = folder = Path(name)
            for around in (folder, *folder.parents):
                if is_annotation_folder(around.name):
                    home = around.parent
                if around == self._layout.root:
                    break
            if home not in self._bases:
                self._bases[home] = SplitLists(home)
            inner = dropwhile(is_annotation_folder, folder.relative_to(home).parts)
            self._places[name] = _Place(
                self._bases[home],
                "".join(f"{name}/" for name in inner),
                self._layout.split_of(folder / "_"),
                self._layout.image_roots(folder / "_"),
            )
        return self._places[name]

    def _split_of(self, stem: str, place: _Place, source: SourceFile) -> str | None:
        if place.base.lists:
            self.has_splits = True
            found = place.base.splits_of(stem)
            if len(found) > 1:
                message = f"{stem} is listed for {' and '.join(found)}; it goes to {found[0]}"
                self._ledger.note(source, None, "in-two-splits", message)
            return found[0] if found else None
        self.has_splits = self.has_splits or place.split is not None
        return place.split

    def _observe(self, xyxy: F64, sizes_wh: F64) -> None:
        """Keep what may tell whether pixels are counted from 0 or from 1.

        Args:
            xyxy: (N, 4) boxes as they are stated.
            sizes_wh: (N, 2) of the image of each in px, NaN where it is not known.
        """
        low = xyxy[~np.isnan(sizes_wh[:, 0]), :2]
        self._smallest = float(np.fmin.reduce(low, axis=None, initial=np.inf))
        self._reaches_edge = int((xyxy[:, 2:] == sizes_wh).any(axis=1).sum())

    def note_unannotated(self) -> None:
        """Enter the images that a split lists and that have no annotation file."""
        for base in self._bases.values():
            base.note_unannotated(self._ledger)

    def evidence(self) -> tuple[str, ...]:
        """Say how pixels were counted, and which boxes are turned."""
        if not np.isfinite(self._smallest):
            return ()
        taken = (
            "counted from 1 (--assume origin=0 if from 0)"
            if self._shift
            else "read as counted from 0 (--assume origin=1 if from 1)"
        )
        sentence = (
            f"the smallest corner is at {self._smallest:g} px and "
            f"{counted(self._reaches_edge, 'box ends', 'boxes end')} at the full width or "
            f"height; coordinates are {taken}"
        )
        turned = f"boxes turned clockwise, by `rotation` or as <robndbox>: {self._turned}"
        return (sentence, turned) if self._turned else (sentence,)


class _VocBox(NamedTuple):
    """The box of an object: xyxy in px before it is turned, and by how much it is, clockwise."""

    xyxy: list[float]
    degrees: float = 0.0


def _read_box(element: XmlElement, name: str) -> _VocBox:
    """Return the box of an object of a class.

    Raises:
        ValueError: It has no class or no box of usable numbers.
    """
    if not name:
        raise ValueError("the object has no <name>")
    corners = element.find("bndbox")
    if corners is not None:
        box = _VocBox(_read_numbers(corners, _CORNERS, name), _rotation_of(element))
    elif (rotated := element.find("robndbox")) is not None:
        cx, cy, w, h, radians = _read_numbers(rotated, _ROTATED, name)
        box = _VocBox([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], math.degrees(radians))
    else:
        what = "has no <bndbox>"
        if element.find("polygon") is not None:
            what = "has a <polygon> and no <bndbox>, as LabelMe of MIT writes it: that is not read"
        raise ValueError(f"the {name} {what}")
    x1, y1, x2, y2 = box.xyxy
    if box.degrees and not (x1 <= x2 and y1 <= y2 and abs(box.degrees) < _MAX_DEGREES):
        raise ValueError(f"the turned box of the {name} ends before it begins")
    return box


def _rotation_of(element: XmlElement) -> float:
    """Return CVAT's attribute ``rotation``; one that is not a number is an attribute of a user."""
    attributes = element.find("attributes")
    for attribute in attributes.all("attribute") if attributes is not None else ():
        if attribute.text_of("name") == "rotation":
            try:
                degrees = float(attribute.text_of("value"))
            except ValueError:
                return 0.0
            return degrees % 360 if math.isfinite(degrees) else 0.0
    return 0.0


def _size_of(image: ImageRecord) -> tuple[float, float]:
    return (np.nan, np.nan) if image.width_px is None else image.image_wh


def _read_numbers(element: XmlElement, keys: Sequence[str], name: str) -> list[float]:
    found = element.texts()
    texts = [found.get(key, "") for key in keys]
    try:
        return [float(text) for text in texts]
    except ValueError as error:
        shown = ", ".join(f"{key} {text!r}" for key, text in zip(keys, texts, strict=True))
        count = {4: "four", 5: "five"}[len(keys)]
        raise ValueError(f"the box of the {name} is not {count} numbers: {shown}") from error
