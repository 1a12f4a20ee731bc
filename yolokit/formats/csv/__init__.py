"""CSV: a row a box, as Kaggle, Roboflow, RetinaNet, TensorFlow's tutorials and Make Sense write it.

Read are files with a header that names the image and the box in one of many ways; and without one
``path,x1,y1,x2,y2,class`` (keras-retinanet; SKU-110K adds ``width,height``) and
``class,x,y,w,h,image,width,height`` (Make Sense).
The header says what the four numbers are. Where that does not say, as for a list in one
column or without a header, all rows decide: read as corners, hardly any x2 is below x1 where they
are corners; read as ``xywh``, hardly any box leaves its image where they are that. Where both fit a
list in one column, or the rows speak against the header, nothing is guessed: ``--assume box``
states it. A row whose box is empty says that its image has none.

Written is Roboflow's layout, ``<split>/_annotations.csv`` beside the images with the columns
``filename,width,height,class,xmin,ymin,xmax,ymax``. That has no place for background images; here
they are a row with name and size alone. A cell such as ``=1+1`` is text and nothing else; it is
written as it is, in quotes.

Source: the README of fizyr/keras-retinanet, and exports of Roboflow as "TensorFlow Object
Detection CSV".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.csv.layout import CsvLayout, find_layout
from yolokit.formats.csv.reader import CsvReader
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.formats.toolkit.text_labels import check_class_names, write_number
from yolokit.formats.toolkit.units import UNITS
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, LabelledImage

TITLE = "CSV (Kaggle, Roboflow, RetinaNet)"
READS: tuple[Task, ...] = (Task.DETECT,)
RECOGNISED_BY = "CSV with columns for image, class and box, or path,x1,y1,x2,y2,class"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"box": ("auto", "xyxy", "xywh", "cxcywh", "yxyx"), "units": (*UNITS, "percent")}
)
WRITES: tuple[Task, ...] = READS
IMAGE_FOLDER = "{split}"
WRITTEN = ("{split}/_annotations.csv",)
MANY_OUTLINES = False

_SUFFIXES = (".csv", ".tsv")
_SNIFFED_FILES = 20
_HEADER = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
_OPEN_IMAGES = (b"ImageID", b"LabelName", b"XMax")


def sniff(tree: SourceTree) -> Match | None:
    """Recognise CSV files by their header, or by rows of an image, four numbers and a class."""
    for file in islice(tree.files(*_SUFFIXES), _SNIFFED_FILES):
        head = tree.head(file)
        layout = find_layout(head)
        if layout is None or all(mark in head.split(b"\n", 1)[0] for mark in _OPEN_IMAGES):
            continue
        if layout.columns.has_header:
            return Match(1.0, f"{file.name} has columns for an image and its box")
        return Match(0.8, f"{file.name} has rows of an image, four numbers and a class")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read CSV files; see :class:`yolokit.formats.toolkit.plugin.Format`.

    All rows are needed to find out what the numbers are, so all are read here, line by line.

    Raises:
        DataError: There is no such file, or one is not text or not CSV, with its line.
    """
    files = _find_files(source)
    if not files:
        raise DataError(
            "there is no CSV in it whose columns are known",
            path=source,
            hint="the header must name the image (filename, image_id, path...) and the box "
            "(xmin,ymin,xmax,ymax, or x,y,w,h, or bbox)",
        )
    reader = CsvReader(SourceLayout(source, options.images), options, ledger)
    read_each(files, lambda file: reader.read_file(file, files[file]), "broken CSV files")
    return reader.to_dataset()


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write a CSV file a split; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    del remarks  # the format has no place for them
    check_class_names(dataset.names, TITLE)
    rows: dict[str, list[str]] = {}
    names = [_cell(name) for name in dataset.names]
    for labelled in dataset.iter_images():
        rows.setdefault(labelled.image.split or "", []).extend(_format_rows(labelled, names))
    for split, lines in rows.items():
        path = folder / split / "_annotations.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_HEADER + "".join(lines), encoding="utf-8", newline="\n")


def _find_files(source: Path) -> dict[Path, CsvLayout]:
    tree = SourceTree(source)
    found: dict[Path, CsvLayout] = {}
    for file in tree.files(*(() if tree.is_file else _SUFFIXES)):
        layout = find_layout(tree.head(file))
        if layout is not None:
            found[file] = layout
    return found


def _format_rows(labelled: LabelledImage, names: list[str]) -> Iterator[str]:
    width_px, height_px = labelled.image.image_wh
    head = f"{_cell(labelled.image.file_name)},{width_px},{height_px}"
    annotations = labelled.annotations
    if not len(annotations):
        yield f"{head},,,,,\n"
    for at, box in zip(
        annotations.category_indices.tolist(), annotations.xyxy.tolist(), strict=True
    ):
        yield ",".join([head, names[at], *map(write_number, box)]) + "\n"


def _cell(text: str) -> str:
    """Return a text as a cell, in quotes where it would not come back as it is."""
    plain = text == text.strip() and not text.startswith(("=", "+", "-", "@"))
    if plain and not any(character in text for character in '",;\t|'):
        return text
    return '"' + text.replace('"', '""') + '"'
