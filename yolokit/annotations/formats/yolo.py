"""YOLO: one text file of rows an image, and a ``data.yaml`` with names and splits."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.annotations.class_ids import CLASS_BASE, ClassIds
from yolokit.annotations.data_yaml import SPLITS, DataYaml, list_split_images, load_data_yaml
from yolokit.annotations.data_yaml_place import is_data_yaml, list_data_yamls
from yolokit.annotations.formats._yolo_writer import write_data_yamls, write_label_files
from yolokit.annotations.image_files import walk_files
from yolokit.annotations.image_size import read_image_size
from yolokit.annotations.model import (
    Annotations,
    Category,
    Dataset,
    ImageRecord,
    LabelledImage,
    SourceFile,
)
from yolokit.annotations.plugin import Match
from yolokit.annotations.text_size import read_bounded
from yolokit.annotations.yolo_labels import (
    LabelRows,
    label_path,
    read_labels,
    to_annotations,
)
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from yolokit.annotations.ledger import Ledger
    from yolokit.annotations.plugin import ReadOptions
    from yolokit.annotations.shapes import Task
    from yolokit.annotations.source_tree import SourceTree
    from yolokit.annotations.split_files import SplitImage

TITLE = "YOLO (Ultralytics, Roboflow)"
READS: tuple[Task, ...] = ("detect", "segment", "pose", "obb")
RECOGNISED_BY = "a data.yaml with names and splits, or labels beside a classes.txt"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"sixth-column": ("ambiguous", "ignore"), "class-base": CLASS_BASE}
)
WRITES: tuple[Task, ...] = READS
IMAGE_FOLDER = "images/{split}"
MANY_OUTLINES = False

_NAME_FILES = ("classes.txt", "obj.names", "names.txt")
_UNSPLIT = "all"


def sniff(tree: SourceTree) -> Match | None:
    """Recognise a ``data.yaml``, a folder with one, or labels beside a list of class names."""
    path = tree.path
    found = _find_yaml(path)
    if found is not None:
        return Match(1.0, f"{found.name} has `names` and splits")
    names = _find_name_file(path) if path.is_dir() else None
    has_lists = names is not None and any(path.glob("*.data"))  # then it is Darknet's
    if names is not None and not has_lists and (path / "labels").is_dir():
        return Match(0.8, f"{names.name} beside a folder `labels`")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open a YOLO set; see :class:`yolokit.annotations.plugin.Format`.

    Raises:
        DataError: There is no usable ``data.yaml`` nor a list of class names.
    """
    if options.labels_only:
        raise DataError(
            "YOLO labels state no sizes of images, and --labels-only looks at no image",
            path=source,
            hint="leave --labels-only out, and say with --images where the images are",
        )
    data = _open(source, options)
    reader = _Reader(data, options, ledger)
    categories = tuple(
        Category(index, name, class_id)
        for index, (name, class_id) in enumerate(zip(data.names, data.class_ids, strict=True))
    )
    has_splits = _UNSPLIT not in data.splits
    evidence = (*data.notes, reader.class_ids.evidence)
    return Dataset(categories, reader.iter_images, evidence, has_splits, pose=data.pose)


def _open(source: Path, options: ReadOptions) -> DataYaml:
    found = _find_yaml(source) or (source if source.is_file() else None)
    if found is not None:
        return load_data_yaml(found, sparse=True, images=options.images, need=("train", "val"))
    name_file = _find_name_file(source)
    if name_file is None:
        raise DataError(
            "there is no data.yaml in it, and no classes.txt with the names of the classes",
            path=source,
        )
    try:
        lines = read_bounded(name_file).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot read the names of the classes", path=name_file) from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names or len(set(names)) < len(names):
        raise DataError("the names of the classes are empty or not unique", path=name_file)
    return DataYaml(name_file, names, tuple(range(len(names))), _find_splits(source, options))


def _find_splits(source: Path, options: ReadOptions) -> dict[str, tuple[Path, ...]]:
    """Find image folders where no YAML names them: ``images/train``..., else all of them."""
    root = options.images or (source / "images" if (source / "images").is_dir() else source)
    splits: dict[str, tuple[Path, ...]] = {
        split: (root / split,) for split in SPLITS if (root / split).is_dir()
    }
    if "val" not in splits and (root / "valid").is_dir():
        splits["val"] = (root / "valid",)
    return splits or {_UNSPLIT: (root,)}


def _find_yaml(path: Path) -> Path | None:
    """Return the YAML file of a set: ``path`` itself, or the first one in a folder."""
    if path.is_file():
        return path if is_data_yaml(path) else None
    return next(iter(list_data_yamls(path)), None) if path.is_dir() else None


def _find_name_file(folder: Path) -> Path | None:
    return next((folder / name for name in _NAME_FILES if (folder / name).is_file()), None)


class _Reader:
    """Streams the images of all splits; rows that are no boxes go to the ledger."""

    def __init__(self, data: DataYaml, options: ReadOptions, ledger: Ledger) -> None:
        self._data = data
        self._options = options
        self._ledger = ledger
        sixth = options.assume.get("sixth-column") == "ignore"
        self._layout = data.row_layout(take_sixth=sixth)
        index = {class_id: at for at, class_id in enumerate(data.class_ids)}
        base = options.assume.get("class-base")
        self.class_ids = ClassIds(index, data.path.name, base, ledger)

    def iter_images(self) -> Iterator[LabelledImage]:
        used: set[str] = set()
        for split in self._data.splits:
            used.update(label_path(str(place / "_")) for place in self._data.splits[split])
            for image in list_split_images(self._data, split):
                labels = self._find_labels(image)
                used.add(labels)
                labelled = self._read(image, labels, None if split == _UNSPLIT else split)
                if labelled is not None:
                    yield labelled
        self._account_for_orphans(used)

    def _find_labels(self, image: SplitImage) -> str:
        """Return the label file: beside the image, or in the set where images lie elsewhere."""
        beside = label_path(image.path)
        images = self._options.images
        if images is None or os.path.isfile(beside):  # noqa: PTH113 - hot path
            return beside
        below = os.path.relpath(image.path, images)
        here = self._data.path.parent
        for folder in (here / "images", here, here / "labels"):
            candidate = label_path(str(folder / below))
            if os.path.isfile(candidate):  # noqa: PTH113 - hot path
                return candidate
        return beside

    def _read(self, image: SplitImage, labels: str, split: str | None) -> LabelledImage | None:
        rows = read_labels(labels, self._layout)
        source = SourceFile(labels)
        if rows is not None:
            self._ledger.see(rows.row_count)
            for fault in rows.faults:
                self._ledger.record(source, fault.line, "dropped", fault.code, fault.message)
        try:
            size = read_image_size(image.path)
        except DataError as error:
            self._lose_image(image, source, rows, str(error))
            return None
        wh = (size.width_px, size.height_px)
        record = ImageRecord(image.name, *wh, split, image.path, source, cut_short=size.cut_short)
        if rows is None or not len(rows.class_ids):
            return LabelledImage(record, Annotations.empty())
        rows, indices = self.class_ids.to_indices(rows, source)
        task = self._options.task
        return LabelledImage(record, to_annotations(rows, indices, wh, self._layout, task))

    def _lose_image(
        self, image: SplitImage, source: SourceFile, rows: LabelRows | None, message: str
    ) -> None:
        if rows is None or not len(rows.lines):
            path, line = image.place or (image.path, None)
            self._ledger.note(SourceFile(path), line, "unreadable-image", message)
            return
        for line in rows.lines.tolist():
            self._ledger.record(source, line, "dropped", "unreadable-image", message)

    def _account_for_orphans(self, used: set[str]) -> None:
        """Drop, by name, the rows of label files that no image of any split leads to."""
        known = {_comparable(path) for path in used}
        for folder in sorted({os.path.dirname(path) for path in used}):  # noqa: PTH120
            for name in walk_files(Path(folder)) if os.path.isdir(folder) else ():  # noqa: PTH112
                path = os.path.join(folder, name.replace("/", os.sep))  # noqa: PTH118
                if not name.endswith(".txt") or _comparable(path) in known:
                    continue
                known.add(_comparable(path))
                self._drop_orphan(path)

    def _drop_orphan(self, path: str) -> None:
        rows = read_labels(path, self._layout)
        if rows is None or not len(rows.lines):  # a README is no label file
            return
        self._ledger.see(rows.row_count)
        lines = [*rows.lines.tolist(), *(fault.line for fault in rows.faults)]
        for line in sorted(lines):
            message = "no image of the set has these labels"
            self._ledger.record(SourceFile(path), line, "dropped", "missing-image", message)


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write label files and ``data.yaml``; see :class:`yolokit.annotations.plugin.Format`."""
    splits = write_label_files(dataset, folder / "labels")
    write_data_yamls(folder, dataset, splits, remarks)


def _comparable(path: str) -> str:
    return os.path.normcase(os.path.normpath(path))
