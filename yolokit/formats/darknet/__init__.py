"""Darknet: YOLO rows beside the images, lists of images, and an ``obj.data`` that names them.

``obj.data`` holds ``names = data/obj.names`` and ``train = data/train.txt``, ``valid = ...``. A
class's id is the number of its line in the names, blank lines counted. Labels are beside the
image, or in ``labels`` where the image is in ``images`` or ``JPEGImages``. Paths are those of the
machine and folder where training ran; see :func:`yolokit.formats.darknet.lists.open_data_file`.

Who writes it: people for darknet itself, CVAT ("YOLO 1.1": ``obj_train_data``), and Roboflow
("YOLO Darknet": a ``_darknet.labels`` in each split's folder, without lists).

Source: AlexeyAB/darknet, ``src/data.c:get_labels``, ``src/utils.c:replace_image_to_label``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from yolokit.core.task import Task
from yolokit.datasets.label_rows import LabelRows, RowLayout, label_path, read_labels
from yolokit.datasets.splits import as_spelled
from yolokit.errors import DataError
from yolokit.formats.darknet.lists import DarknetSet, ListedImage, open_data_file, open_roboflow
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.formats.toolkit.yolo_labels import CLASS_BASE, ROBOFLOW_NAMES, LabelAccount, YoloRows
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Category, Dataset, ImageRecord, LabelledImage, SourceFile

TITLE = "Darknet"
READS: tuple[Task, ...] = (Task.DETECT,)
ROWS = True
RECOGNISED_BY = "an obj.data with `names =` and `train =`, or a _darknet.labels"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"sixth-column": ("ambiguous", "ignore"), "class-base": CLASS_BASE}
)

_NAMES = re.compile(rb"^[ \t]*names[ \t]*=", re.MULTILINE)
_LISTS = re.compile(rb"^[ \t]*(train|valid)[ \t]*=", re.MULTILINE)
_YAML_NAMES = re.compile(rb"^[\"']?names[\"']?[ \t]*:", re.MULTILINE)


def sniff(tree: SourceTree) -> Match | None:
    """Recognise an ``obj.data`` or a ``_darknet.labels``; a set with a ``data.yaml`` is YOLO's."""
    yaml = (file for file in tree.files(".yaml", ".yml") if file.parent == tree.path)
    if any(_YAML_NAMES.search(tree.head(file)) is not None for file in yaml):
        return None
    data_file = _find_data_file(tree)
    if data_file is not None:
        return Match(1.0, f"{data_file.name} has `names =` and a list of images")
    if _find_roboflow(tree):
        return Match(1.0, f"there is a {ROBOFLOW_NAMES}")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open a Darknet set; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no usable ``obj.data``, or what it names is not there.
    """
    options.require_images("Darknet's labels state no image sizes", source)
    opened = _open(source, options, ledger)
    index = {name: at for at, name in enumerate(dict.fromkeys(opened.names.values()))}
    ids = {number: index[name] for number, name in opened.names.items()}
    first = {at: number for number, at in reversed(ids.items())}
    for number, name in opened.names.items():
        if first[index[name]] != number:
            message = f"{name} appears here a second time; both are one class"
            ledger.note(SourceFile(str(opened.names_file)), number + 1, "name-twice", message)
    reader = _Reader(opened, ids, options, ledger)
    return Dataset(
        tuple(Category(at, name, first[at]) for name, at in index.items()),
        reader.iter_images,
        (*opened.evidence, reader.rows.evidence),
        has_splits=any(image.split is not None for image in opened.images),
        image_count=len(opened.images),
    )


def _open(source: Path, options: ReadOptions, ledger: Ledger) -> DarknetSet:
    tree = SourceTree(source)
    data_file = source if tree.is_file else _find_data_file(tree)
    roboflow = _find_roboflow(tree)
    layout = SourceLayout(source, options.images)
    if data_file is not None and data_file.name != ROBOFLOW_NAMES:
        return open_data_file(data_file, layout, ledger)
    if roboflow:
        return open_roboflow(roboflow, layout)
    raise DataError(f"there is no obj.data and no {ROBOFLOW_NAMES} in it", path=source)


def _find_data_file(tree: SourceTree) -> Path | None:
    """Return the ``.data`` file with the shortest path."""
    found = [
        file
        for file in tree.files(".data")
        if _NAMES.search(tree.head(file)) is not None and _LISTS.search(tree.head(file)) is not None
    ]
    return min(found, key=lambda file: (len(file.parts), file), default=None)


def _find_roboflow(tree: SourceTree) -> list[Path]:
    return [file for file in tree.files(ROBOFLOW_NAMES) if file.name == ROBOFLOW_NAMES]


class _Reader:
    """Streams the images of a set; rows that are not boxes go to the ledger."""

    def __init__(
        self, opened: DarknetSet, ids: dict[int, int], options: ReadOptions, ledger: Ledger
    ) -> None:
        self._opened = opened
        self._ledger = ledger
        self._layout = RowLayout(take_sixth=options.assume.get("sixth-column") == "ignore")
        self.rows = YoloRows(ids, opened.names_file.name, self._layout, options, ledger)
        root = opened.names_file.parent
        self._account = LabelAccount(root, self._layout, ledger, tells_unlisted=True)

    def iter_images(self) -> Iterator[LabelledImage]:
        self._account.start()
        for image in self._opened.images:
            labelled = self._read(image)
            if labelled is not None:
                yield labelled
        self._account.finish()

    def _read(self, image: ListedImage) -> LabelledImage | None:
        labels, rows = self._read_rows(image)
        self._account.enter(labels, image.split or "", found=rows is not None)
        source = image.source if rows is None else SourceFile(labels)
        record = ImageRecord(image.name, None, None, image.split, str(image.path), source)
        labelled = self.rows.to_labelled(record, rows, image.source, image.line)
        if labelled is not None and rows is None:
            message = f"{image.name} has no label file: it is taken as background"
            self._ledger.note(image.source, image.line, "no-label-file", message)
        return labelled

    def _read_rows(self, image: ListedImage) -> tuple[str, LabelRows | None]:
        """Return the label file of an image and its rows; None if there is none anywhere."""
        beside = str(image.path.with_suffix(".txt"))
        in_voc = label_path(str(image.path).replace("JPEGImages", "images"))
        listed = [] if image.labels is None else [str(image.labels)]
        for labels in dict.fromkeys((beside, label_path(str(image.path)), in_voc, *listed)):
            found = str(as_spelled(Path(labels)) or labels)
            rows = read_labels(found, self._layout)
            if rows is not None:
                return found, rows
        return beside, None
