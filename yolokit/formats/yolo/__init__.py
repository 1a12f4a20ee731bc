"""YOLO: one text file of rows an image, and a ``data.yaml`` with names and splits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import msgspec

from yolokit.core.task import Task
from yolokit.datasets.data_yaml import DataYaml, is_data_yaml, list_data_yamls, load_data_yaml
from yolokit.datasets.splits import SplitImage, list_split_images
from yolokit.errors import DataError
from yolokit.formats.toolkit.image_locator import ImageLocator
from yolokit.formats.toolkit.layout import SourceLayout, find_split_folders, is_annotation_folder
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree
from yolokit.formats.toolkit.yolo_labels import CLASS_BASE, ROBOFLOW_NAMES, YoloRows
from yolokit.formats.yolo.labels import (
    LabelFiles,
    find_name_file,
    find_names_yaml,
    has_label_rows,
    read_class_names,
)
from yolokit.formats.yolo.writer import write_data_yamls, write_label_files
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Category, Dataset, ImageRecord, LabelledImage, SourceFile

TITLE = "YOLO (Ultralytics, Roboflow)"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
ROWS = True
RECOGNISED_BY = "a data.yaml with names, or labels beside a classes.txt or obj.names"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"sixth-column": ("ambiguous", "ignore"), "class-base": CLASS_BASE}
)
WRITES: tuple[Task, ...] = READS
IMAGE_FOLDER = "images/{split}"
WRITTEN = ("data.yaml", "fold-*.yaml", "labels/*.txt", "labels/*.cache")
MANY_OUTLINES = False

_UNSPLIT = "all"


def sniff(tree: SourceTree) -> Match | None:
    """Recognise a ``data.yaml``, a folder with one, or labels beside a list of class names."""
    path = tree.path
    found = _find_yaml(path)
    if found is not None:
        return Match(1.0, f"{found.name} has `names` and splits")
    if any(file.suffix == ".data" or file.name == ROBOFLOW_NAMES for file in tree.files()):
        return None  # then it is Darknet's
    names = find_names_yaml(tree) or (find_name_file(tree) if path.is_dir() else None)
    if names is None or not ((names.parent / "labels").is_dir() or has_label_rows(tree)):
        return None
    return Match(0.8, f"{names.name} beside labels")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open a YOLO set; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no usable ``data.yaml`` nor a list of class names.
    """
    options.require_images("YOLO labels state no image sizes", source)
    data, place = _open(source, options)
    reader = _Reader(data, place, options, ledger)
    categories = tuple(
        Category(index, name, class_id)
        for index, (name, class_id) in enumerate(zip(data.names, data.class_ids, strict=True))
    )
    evidence = (*data.notes, reader.rows.evidence)
    return Dataset(categories, reader.iter_images, evidence, reader.has_splits, pose=data.pose)


def _open(source: Path, options: ReadOptions) -> tuple[DataYaml, SourceLayout | None]:
    """Return the set, and what tells its splits where no YAML states them."""
    found = _find_yaml(source) or find_names_yaml(SourceTree(source))
    found = found or (source if source.is_file() else None)
    if found is not None:
        splits = _find_splits(found.parent, options)  # for a file that holds names alone
        need = ("train", "val")
        data = load_data_yaml(found, sparse=True, images=options.images, splits=splits, need=need)
        by_folder = data.splits is splits
        return data, SourceLayout(options.images or found.parent) if by_folder else None
    listed = read_class_names(SourceTree(source))
    if listed is None:
        raise DataError(
            "there is no data.yaml in it, and no classes.txt with the names of the classes",
            path=source,
            hint="put a classes.txt into it, one name a line in the order of the classes",
        )
    file, names = listed
    is_inner = is_annotation_folder(source.name) and (source.parent / "images").is_dir()
    home = source.parent if is_inner else source
    splits = _find_splits(home, options)
    # As if the file lay in the set's folder, from which everything else is found.
    data = DataYaml(home / file.name, names, tuple(range(len(names))), splits)
    return data, SourceLayout(options.images or home)


def _find_splits(source: Path, options: ReadOptions) -> dict[str, tuple[Path, ...]]:
    """Find image folders where no YAML names them: ``images/train``..., else all of them."""
    root = options.images or (source / "images" if (source / "images").is_dir() else source)
    return find_split_folders(root) or {_UNSPLIT: (root,)}


def _find_yaml(path: Path) -> Path | None:
    """Return the YAML file of a set: ``path`` itself, or the first one in a folder."""
    if path.is_file():
        return path if is_data_yaml(path) else None
    return next(iter(list_data_yamls(path)), None) if path.is_dir() else None


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
    """Streams the images of all splits; rows that are not boxes go to the ledger."""

    def __init__(
        self, data: DataYaml, place: SourceLayout | None, options: ReadOptions, ledger: Ledger
    ) -> None:
        self._data = data
        self._place = place
        self._ledger = ledger
        layout = data.row_layout(take_sixth=options.assume.get("sixth-column") == "ignore")
        self._locator = ImageLocator([str(options.images or data.path.parent)])
        index = {class_id: at for at, class_id in enumerate(data.class_ids)}
        self.rows = YoloRows(index, data.path.name, layout, options, ledger)
        root = data.path.parent if options.images else _find_root(data)
        self._files = LabelFiles(root, options.images, layout, ledger)

    def iter_images(self) -> Iterator[LabelledImage]:
        self._files.start()
        for split in self._data.splits:
            for place in self._data.splits[split]:
                self._files.enter_place(place)
            for listed in self._list(split):
                labelled = self._read(self._located(listed, split), split)
                if labelled is not None:
                    yield labelled
        self._files.finish()

    @property
    def has_splits(self) -> bool:
        """Whether any image is of a split."""
        listed = ((image, split) for split in self._data.splits for image in self._list(split))
        return _UNSPLIT not in self._data.splits or any(self._split_of(*one) for one in listed)

    def _list(self, split: str) -> Iterator[SplitImage]:
        return list_split_images(self._data, split)

    def _split_of(self, image: SplitImage, stated: str) -> str | None:
        """Return the split of an image: by its folders where no YAML states it."""
        return stated if self._place is None else self._place.split_of(Path(image.path))

    def _located(self, image: SplitImage, split: str) -> SplitImage:
        """Return an image of a list as it is spelled, where the list spells it otherwise."""
        if image.place is None or os.path.isfile(image.path):  # noqa: PTH113 - hot path
            return image
        found = self._locator.find(image.path, (image.name,), split)
        if found is None:
            return image
        path, line = image.place
        message = f"{image.name} is not there; using {found.path}"
        self._ledger.note(SourceFile(path), line, "image-elsewhere", message)
        return msgspec.structs.replace(image, path=found.path)

    def _read(self, image: SplitImage, split: str) -> LabelledImage | None:
        labels, rows = self._files.read(image.path, split)
        own = self._split_of(image, split)
        record = ImageRecord(image.name, None, None, own, image.path, SourceFile(labels))
        path, line = image.place or (image.path, None)
        return self.rows.to_labelled(record, rows, SourceFile(path), line)


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write label files and ``data.yaml``; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    splits = write_label_files(dataset, folder / "labels")
    write_data_yamls(folder, dataset, splits, remarks)
