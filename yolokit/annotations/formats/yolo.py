"""YOLO: one text file of rows an image, and a ``data.yaml`` with names and splits."""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.annotations.class_ids import CLASS_BASE, ClassIds
from yolokit.annotations.data_yaml import SPLITS, DataYaml, list_split_images, load_data_yaml
from yolokit.annotations.formats._yolo_files import LabelFiles
from yolokit.annotations.formats._yolo_writer import write_data_yamls, write_label_files
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
ROWS = True
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
        return load_data_yaml(found, sparse=True, images=options.images)
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
    """Return the one YAML file of a set: ``path`` itself, or the only one in a folder."""
    if path.is_file():
        return path if path.suffix.lower() in (".yaml", ".yml") and _is_data_yaml(path) else None
    if not path.is_dir():
        return None
    names = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in (".yaml", ".yml"))
    fits = [entry for entry in names if _is_data_yaml(entry)]
    preferred = [entry for entry in fits if entry.name in ("data.yaml", "dataset.yaml")]
    return next(iter(preferred or fits), None)


def _is_data_yaml(path: Path) -> bool:
    """Tell whether a YAML file has the keys of a data set, right or wrong in detail."""
    try:
        with path.open("rb") as stream:
            head = stream.read(1 << 20)
    except OSError:
        return False
    keys = {line.split(b":")[0].strip(b" \"'\r") for line in head.splitlines() if b":" in line}
    return b"names" in keys and bool(keys & {b"train", b"val", b"valid", b"test"})


def _find_name_file(folder: Path) -> Path | None:
    return next((folder / name for name in _NAME_FILES if (folder / name).is_file()), None)


def _find_root(data: DataYaml) -> Path:
    """Return the folder of the set: that of its YAML, unless all images lie elsewhere."""
    here = data.path.parent
    places = [place for found in data.splits.values() for place in found]
    anchors = {place.anchor for place in places}
    if len(anchors) > 1 or any(place.is_relative_to(here) for place in places):
        return here
    common = Path(os.path.commonpath(places))
    if here.is_relative_to(common):  # several sets, and whatever else lies beside them
        return here
    homes = (folder.parent for folder in (common, common.parent) if folder.name == "images")
    return next(homes, common)


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
        root = data.path.parent if options.images else _find_root(data)
        self._files = LabelFiles(root, options.images, self._layout, ledger)

    def iter_images(self) -> Iterator[LabelledImage]:
        self._files.start()
        for split in self._data.splits:
            for place in self._data.splits[split]:
                self._files.enter_place(place)
            for image in list_split_images(self._data, split):
                labelled = self._read(image, split)
                if labelled is not None:
                    yield labelled
        self._files.finish()

    def _read(self, image: SplitImage, split: str) -> LabelledImage | None:
        labels, rows = self._files.read(image.path, split)
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
        own = None if split == _UNSPLIT else split
        record = ImageRecord(image.name, *wh, own, image.path, source)
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


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write label files and ``data.yaml``; see :class:`yolokit.annotations.plugin.Format`."""
    splits = write_label_files(dataset, folder / "labels")
    write_data_yamls(folder, dataset, splits, remarks)
