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
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.core.plural import counted, share
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.tfrecord.example import parse_example
from yolokit.formats.tfrecord.file import (
    HEAD_BYTES,
    gzip_head,
    is_gzip,
    iter_records,
    record_length,
)
from yolokit.formats.tfrecord.labels import Labels
from yolokit.formats.tfrecord.record import WANTED, RecordReader
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.labels.builder import collect_dataset
from yolokit.labels.model import SourceFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.formats.tfrecord.example import Feature
    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.builder import ImageRows
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

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
        reader = RecordReader(about, split, options, ledger)
        for offset, data in iter_records(file):
            rows = reader.read(_parse(file, offset, data), offset, data, labels.of(file))
            images.extend([] if rows is None else [rows])

    read_each(files, read_file, "broken record files")
    _note_missing_shards(files, ledger)
    return collect_dataset(images, names=labels.names, evidence=tuple(labels.evidence()))


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
