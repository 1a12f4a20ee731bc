"""TFRecord files of the TensorFlow object detection API, read without TensorFlow.

Written by the scripts of ``object_detection/dataset_tools``, by Roboflow, CVAT and Datumaro. A
record is one image: a ``tf.train.Example`` with the encoded image itself, and one list for each
edge of the boxes, as fractions of the image (``image/object/bbox/ymin``...). Class ids count from
1 and are named by a label map (``*.pbtxt``), or beside each box. The image is neither unpacked
nor copied here: :class:`yolokit.images.byte_range.Span` says where it is.

TensorFlow decodes images without their EXIF orientation, so that a record which states no size
has its boxes in the image as it is stored.

Source: tensorflow/models ``research/object_detection``: ``dataset_tools/create_*_tf_record.py``,
``core/standard_fields.py`` (TfExampleFields), ``utils/label_map_util.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from yolokit.core.plural import counted, share
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.tfrecord.file import (
    HEAD_BYTES,
    Feature,
    Piece,
    gzip_head,
    is_gzip,
    iter_records,
    parse_example,
    record_length,
)
from yolokit.formats.tfrecord.labels import ClassNames, Labels
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.images.byte_range import Span
from yolokit.images.listing import climbs_out, is_absolute_anywhere, is_image_name, suffix_of
from yolokit.images.size import read_image_size
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, SourceFile

TITLE = "TFRecord (TensorFlow object detection API)"
READS: tuple[Task, ...] = (Task.DETECT,)
RECOGNISED_BY = "TFRecord files with features called image/object/..."
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"crowd": ("exclude", "keep"), "difficult": ("keep", "exclude")}
)

_NAME = re.compile(r"\.(tf)?records?$|-\d{5}-of-\d{5}$|\.(tf)?records?-\d+-of-\d+$")
_SHARD = re.compile(r"-(\d+)-of-(\d+)(?=\.|$)")
_SNIFFED_FILES = 5
_SNIFFED_BYTES = 32 << 20
_KEY = b"image/object/"
_OBJECT = "image/object/"
_EDGES = tuple(f"{_OBJECT}bbox/{edge}" for edge in ("xmin", "ymin", "xmax", "ymax"))
_LABEL, _TEXT = f"{_OBJECT}class/label", f"{_OBJECT}class/text"
_CROWD, _GROUP, _DIFFICULT = (f"{_OBJECT}{key}" for key in ("is_crowd", "group_of", "difficult"))
_IMAGE = ("encoded", "filename", "source_id", "height", "width")
WANTED = frozenset(
    {*_EDGES, _LABEL, _TEXT, _CROWD, _GROUP, _DIFFICULT, *(f"image/{key}" for key in _IMAGE)}
)
"""The features that are looked at."""

_Value = TypeVar("_Value")


def sniff(tree: SourceTree) -> Match | None:
    """Recognise record files by the checksum of their first length, and by a feature's name."""
    for file in islice(_record_files(tree), _SNIFFED_FILES):
        head = tree.head(file)
        if is_gzip(head) and record_length(gzip_head(head)) is not None:
            return Match(0.9, f"{file.name} is a TFRecord file compressed with GZIP")
        length = record_length(head[:HEAD_BYTES])
        if length is not None and _has_key(file, head, length):
            return Match(1.0, f"{file.name}: records with the features image/object/...")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open one record file or a folder; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Each record is read and checked once; what is kept are its labels and where its image is.

    Raises:
        DataError: A file is damaged, with the byte, or a label map is broken.
    """
    files = [source] if source.is_file() else list(_record_files(SourceTree(source)))
    if not files:
        raise DataError("there is no TFRecord file in it", path=source)
    layout = SourceLayout(source, options.images)
    labels = Labels(files, layout.root)
    images: list[ImageRows] = []

    def read_file(file: Path) -> None:
        split, about = layout.describe_set_file(file, "index")
        reader = _RecordReader(about, split, options, ledger)
        for offset, data in iter_records(file):
            rows = reader.read(_parse(file, offset, data), offset, data, labels.of(file))
            images.extend([] if rows is None else [rows])

    read_each(files, read_file, "broken record files")
    _note_missing_shards(files, ledger)
    return build_dataset(images, names=labels.names, evidence=tuple(labels.evidence()))


def _record_files(tree: SourceTree) -> list[Path]:
    """Return the files that are called as record files are; a file that is named counts anyhow."""
    return [file for file in tree.files() if tree.is_file or _NAME.search(file.name.lower())]


def _has_key(file: Path, head: bytes, length: int) -> bool:
    if _KEY in head:
        return True
    try:
        with file.open("rb") as stream:
            return _KEY in stream.read(min(length + HEAD_BYTES, _SNIFFED_BYTES))
    except OSError:
        return False


def _parse(file: Path, offset: int, data: bytes) -> dict[str, Feature]:
    try:
        return parse_example(data, WANTED)
    except ValueError as error:
        raise DataError(
            f"the record at byte {offset - HEAD_BYTES} is not a tf.train.Example: {error}",
            path=file,
        ) from error


def _note_missing_shards(files: list[Path], ledger: Ledger) -> None:
    """Enter the parts that a set of numbered files lacks."""
    found: dict[tuple[str, int], set[int]] = {}
    for file in files:
        shard = _SHARD.search(file.name)
        if shard is not None:
            key = str(file.with_name(_SHARD.sub("-*-of-\\2", file.name))), int(shard[2])
            found.setdefault(key, set()).add(int(shard[1]))
    for (name, count), numbers in found.items():
        if len(numbers) < count:
            message = f"{share(len(numbers), counted(count, 'part'), 'is', 'are')} there"
            ledger.note(SourceFile(name), None, "missing-part", message)


class _RecordReader:
    """Reads the records of one file; its places in the ledger are the boxes, from 0."""

    def __init__(
        self, source: SourceFile, split: str | None, options: ReadOptions, ledger: Ledger
    ) -> None:
        self._source = source
        self._split = split
        self._ledger = ledger
        self._excluded: dict[str, tuple[str, str]] = {}
        if options.assume.get("crowd") != "keep":
            crowd = ("crowd", "the box is around a group of objects")
            self._excluded |= {_CROWD: crowd, _GROUP: crowd}
        if options.assume.get("difficult") == "exclude":
            self._excluded[_DIFFICULT] = ("difficult", "the object is marked as difficult")
        self._records = 0
        self._boxes = 0

    def read(
        self, features: Mapping[str, Feature], offset: int, data: bytes, names: ClassNames
    ) -> ImageRows | None:
        """Return the image and the boxes of a record, None if it has no usable image.

        The features are pieces of ``data``, which begins at ``offset`` in the file.
        """
        number, first = self._records, self._boxes
        self._records += 1
        columns = [_values(features, key, float) for key in _EDGES]
        count = max(map(len, columns))
        self._boxes += count
        self._ledger.see(count)
        try:
            image = self._read_image(features, offset, data, number)
        except DataError as error:
            self._lose(first, count, "unreadable-image", f"record {number}: {error}")
            return None
        rows = ImageRows(image)
        if any(len(column) != count for column in columns):
            counts = ", ".join(str(len(column)) for column in columns)
            message = f"record {number} has {counts} values of xmin, ymin, xmax, ymax"
            self._lose(first, count, "uneven-lists", message)
            return rows
        for at, edges in enumerate(zip(*columns, strict=True)):
            self._read_box(rows, features, data, names, at, first + at, edges)
        return rows

    def _read_image(
        self, features: Mapping[str, Feature], offset: int, data: bytes, number: int
    ) -> ImageRecord:
        name = _text(features, "image/filename", data) or _text(features, "image/source_id", data)
        stated = [_first(_values(features, f"image/{key}", int), 0) for key in ("width", "height")]
        piece = _first(_values(features, "image/encoded", Piece), Piece(0, 0))
        if piece.start == piece.end:
            if min(stated) < 1 or not name:
                raise DataError("it has neither an image nor the name and the size of one")
            return ImageRecord(name, stated[0], stated[1], self._split, None, self._source)
        span = Span(offset + piece.start, piece.end - piece.start)
        path = self._source.path
        size = read_image_size(path, span)
        known = (size.stored_wh, (size.width_px, size.height_px))
        wh = (stated[0], stated[1])
        if wh not in known:
            if max(wh) > 0:
                message = f"record {number}: the image is not {wh[0]}x{wh[1]} px as stated"
                self._ledger.note(self._source, None, "size-mismatch", message)
            wh = size.stored_wh
        name = _file_name(name, data[piece.start : piece.start + 8], number)
        return ImageRecord(name, *wh, self._split, path, self._source, span=span)

    def _read_box(
        self,
        rows: ImageRows,
        features: Mapping[str, Feature],
        data: bytes,
        names: ClassNames,
        at: int,
        place: int,
        edges: tuple[float, ...],
    ) -> None:
        for key, (code, message) in self._excluded.items():
            if _item(_values(features, key, int), at, 0) == 1:
                self._ledger.record(self._source, place, "excluded", code, message)
                return
        class_id = _item(_values(features, _LABEL, int), at, None)
        text = _decode(_item(_values(features, _TEXT, Piece), at, Piece(0, 0)), data)
        name = names.name(class_id, text)
        if name is None:
            lacks = "has no class" if class_id is None else f"{class_id} is in no label map"
            self._lose(place, 1, "unknown-class", f"its class {lacks} and no text names it")
        elif not all(-1 <= edge <= 2 for edge in edges):
            shown = " ".join(f"{edge:g}" for edge in edges)
            message = f"the box is not in fractions of the image: {shown}"
            self._lose(place, 1, "no-fraction", message)
        else:
            wh = rows.image.image_wh * 2
            rows.add(name, place, [edge * side for edge, side in zip(edges, wh, strict=True)])

    def _lose(self, first: int, count: int, code: str, message: str) -> None:
        places = range(first, first + count)
        self._ledger.record_all(self._source, places, "dropped", code, message)


def _file_name(name: str, magic: bytes, number: int) -> str:
    """Return the name for an image in a record; nothing is looked up by it."""
    if is_absolute_anywhere(name) or climbs_out(name):
        name = re.split(r"[/\\]", name)[-1]
    if name.strip(". ") == "" or "\x00" in name:
        name = f"record-{number:06d}"
    if is_image_name(name):
        return name
    return name + (suffix_of(magic) or ".jpg")


def _values(features: Mapping[str, Feature], key: str, kind: type[_Value]) -> list[_Value]:
    return [value for value in features.get(key, ()) if isinstance(value, kind)]


def _item(values: list[_Value], at: int, default: _Value | None) -> _Value | None:
    return values[at] if at < len(values) else default


def _first(values: list[_Value], default: _Value) -> _Value:
    return values[0] if values else default


def _text(features: Mapping[str, Feature], key: str, data: bytes) -> str:
    return _decode(_first(_values(features, key, Piece), Piece(0, 0)), data)


def _decode(piece: Piece | None, data: bytes) -> str:
    if piece is None:
        return ""
    return data[piece.start : piece.end].decode("utf-8", "replace").strip()
