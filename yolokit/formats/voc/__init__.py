"""Pascal VOC: one XML file an image, splits in ``ImageSets/Main``.

Coordinates are read as stated. The original devkit counts pixels from 1, most tools of today
from 0, and no single file shows which: ``--assume origin=1`` subtracts 1 from the minima. CVAT's
attribute ``rotation`` turns a box clockwise about its centre, in degrees; so does the ``angle`` of
roLabelImg's ``<robndbox>``, in radians.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import dropwhile, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.image_index import fold
from yolokit.formats.toolkit.layout import SourceLayout, SplitLists, is_annotation_folder
from yolokit.formats.toolkit.plugin import Match
from yolokit.formats.toolkit.source_tree import read_each
from yolokit.formats.toolkit.xml_tree import XmlElement, read_xml
from yolokit.formats.voc.objects import VocBox, read_object, turn
from yolokit.formats.voc.writer import write_voc
from yolokit.images.listing import is_image_name, walk_files
from yolokit.labels.model import (
    Annotations,
    Dataset,
    ImageRecord,
    LabelledImage,
    SourceFile,
    make_categories,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.formats.toolkit.source_tree import SourceTree
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.shapes import Shape

TITLE = "Pascal VOC"
READS: tuple[Task, ...] = (Task.DETECT, Task.OBB)
RECOGNISED_BY = "XML files whose root element is <annotation>"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"origin": ("0", "1"), "difficult": ("keep", "exclude")}
)
WRITES: tuple[Task, ...] = (Task.DETECT,)
IMAGE_FOLDER = "JPEGImages"
WRITTEN = ("Annotations/*.xml", "ImageSets/Main/{split}.txt")
MANY_OUTLINES = False

_SNIFFED_FILES = 5


def sniff(tree: SourceTree) -> Match | None:
    """Recognise XML whose root element is ``annotation``."""
    for file in islice(tree.files(".xml"), _SNIFFED_FILES):
        head = tree.head(file).replace(b"\x00", b"")
        is_labelme = b"<polygon>" in head and b"bndbox>" not in head  # that of MIT
        if (b"<annotation>" in head or b"<annotation " in head) and not is_labelme:
            return Match(1.0, f"{file.name} has the root element <annotation>")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a VOC set; see :class:`yolokit.formats.toolkit.plugin.Format`.

    The names of all classes are known only when all files are read, so that is done here, once;
    what is kept are a few hundred bytes an image.

    Raises:
        DataError: A file is not a VOC annotation, with its line.
    """
    reader = _Reader(source, options, ledger)
    parsed = reader.read_files(_xml_files(source))
    if not parsed:
        raise DataError("there are no XML files in it", path=source)
    reader.note_unannotated()
    names = sorted({name for one in parsed for name in one.names})
    index = {name: at for at, name in enumerate(names)}

    def iter_images() -> Iterator[LabelledImage]:
        for one in parsed:
            classes = np.array([index[name] for name in one.names], np.int64)
            annotations = Annotations(classes, one.xyxy, one.lines, {}, one.shapes)
            yield LabelledImage(one.image, annotations)

    return Dataset(
        make_categories(names),
        iter_images,
        evidence=reader.evidence(),
        has_splits=reader.has_splits,
        image_count=len(parsed),
    )


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write XML files and splits; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    del remarks  # the format has no place for them
    write_voc(dataset, folder)


def _xml_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        if path.suffix.lower() == ".xml":
            yield path
        return
    for name in walk_files(path):
        if name.lower().endswith(".xml"):
            yield path.joinpath(*name.split("/"))


class _Parsed(NamedTuple):
    """One file: class names beside their (N, 4) boxes, (N,) lines, and shapes of turned ones."""

    image: ImageRecord
    names: list[str]
    xyxy: np.ndarray[tuple[int, int], np.dtype[np.float64]]
    lines: np.ndarray[tuple[int], np.dtype[np.int64]]
    shapes: dict[int, Shape]


class _Reader:
    """Reads files one by one; what is not a box goes to the ledger."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._ledger = ledger
        self._shift = 1.0 if options.assume.get("origin") == "1" else 0.0
        self._exclude_difficult = options.assume.get("difficult") == "exclude"
        self._bases: dict[Path, SplitLists] = {}
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
        names: list[str] = []
        boxes: list[VocBox] = []
        lines: list[int] = []
        for element in root.all("object"):
            self._ledger.see(1)
            name = element.text_of("name")
            box = self._read_object(element, name, image.source)
            if box is not None:
                names.append(name)
                boxes.append(box)
                lines.append(element.line)
        xyxy = np.array([box.xyxy for box in boxes], np.float64).reshape(-1, 4)
        self._observe(xyxy, image)
        xyxy[:, :2] -= self._shift
        turned = {row: box.degrees for row, box in enumerate(boxes) if box.degrees}
        shapes = {row: turn(xyxy[row].tolist(), degrees) for row, degrees in turned.items()}
        for row, shape in shapes.items():
            xyxy[row] = shape.xyxy
        self._turned += len(shapes)
        return _Parsed(image, names, xyxy, np.array(lines, np.int64), shapes)

    def _read_image(self, root: XmlElement, path: Path) -> ImageRecord:
        base = self._base_of(path)
        stem = _id_of(path, base.folder)
        source = SourceFile(str(path), "line", self._layout.image_roots(path))
        name = root.text_of("filename") or stem
        suffix = os.path.splitext(name)[1] if is_image_name(name) else ""  # noqa: PTH122
        width_px, height_px = _read_size(root)
        if width_px is None and root.find("size") is not None:
            self._ledger.note(source, root.line, "no-size", "the <size> is not usable")
        return ImageRecord(
            name,
            width_px,
            height_px,
            self._split_of(path, stem, base, source),
            None,
            source,
            tuple(other for other in (stem + suffix, stem) if other != name),
        )

    def _read_object(self, element: XmlElement, name: str, source: SourceFile) -> VocBox | None:
        """Return the box of an object, or None if it has to go, which is entered."""
        try:
            box = read_object(element, name)
        except ValueError as error:
            self._ledger.record(source, element.line, "dropped", "bad-object", str(error))
            return None
        if self._exclude_difficult and element.text_of("difficult") == "1":
            message = f"the {name} is marked as difficult"
            self._ledger.record(source, element.line, "excluded", "difficult", message)
            return None
        return box

    def _base_of(self, path: Path) -> SplitLists:
        folder = path.parent
        for parent in path.parents:
            if is_annotation_folder(parent.name):
                folder = parent.parent
            if parent == self._layout.root:
                break
        if folder not in self._bases:
            self._bases[folder] = SplitLists(folder)
        return self._bases[folder]

    def _split_of(self, path: Path, stem: str, base: SplitLists, source: SourceFile) -> str | None:
        if base.lists:
            self.has_splits = True
            found = base.splits_of(stem)
            if len(found) > 1:
                message = f"{stem} is listed for {' and '.join(found)}; it goes to {found[0]}"
                self._ledger.note(source, None, "in-two-splits", message)
            return found[0] if found else None
        split = self._layout.split_of(path)
        self.has_splits = self.has_splits or split is not None
        return split

    def _observe(
        self, xyxy: np.ndarray[tuple[int, int], np.dtype[np.float64]], image: ImageRecord
    ) -> None:
        """Keep what may tell whether pixels are counted from 0 or from 1."""
        if not len(xyxy) or image.width_px is None:
            return
        self._smallest = min(self._smallest, float(xyxy[:, :2].min()))
        self._reaches_edge += int((xyxy[:, 2:] == np.array(image.image_wh)).any(axis=1).sum())

    def note_unannotated(self) -> None:
        """Enter the images that a split lists and that have no annotation file."""
        for base in self._bases.values():
            base.note_unannotated(self._ledger)

    def evidence(self) -> tuple[str, ...]:
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


def _id_of(path: Path, base: Path) -> str:
    """Return what ``ImageSets`` calls an annotation file: its name, folders inside kept."""
    parts = dropwhile(is_annotation_folder, path.relative_to(base).parts)
    return "/".join(parts)[: -len(path.suffix)]


def _read_size(root: XmlElement) -> tuple[int, int] | tuple[None, None]:
    try:
        width_px = int(float(root.text_of("size", "width")))
        height_px = int(float(root.text_of("size", "height")))
    except (ValueError, OverflowError):
        return None, None
    return (width_px, height_px) if min(width_px, height_px) > 0 else (None, None)
