"""Reads rows of CSV files into images, once it is clear what their four numbers are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from yolokit.core.plural import counted
from yolokit.datasets.label_rows import shorten
from yolokit.formats.csv.layout import CsvLayout, is_blank, iter_rows, read_number
from yolokit.formats.toolkit.box_evidence import BoxEncoding, BoxWitness, sample_sizes, to_xyxy
from yolokit.formats.toolkit.layout import SourceLayout, split_from_name
from yolokit.formats.toolkit.plugin import ReadOptions
from yolokit.formats.toolkit.text_labels import read_size
from yolokit.formats.toolkit.units import ImageMeter, UnitsWitness
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, SourceFile

NAMELESS = "object"
"""What all objects are called where no column names a class."""

_SEPARATORS = re.compile(r"[\s,;]+")
_BRACKETS = str.maketrans("[]()", "    ")
_OPTION = "--assume box=xyxy|xywh|cxcywh|yxyx"


class _Says(NamedTuple):
    """What a file says about its four numbers.

    Attributes:
        stated: What they are by the header.
        default: What they usually are in a file of its layout.
    """

    stated: BoxEncoding | None
    default: BoxEncoding | None


class _Row(NamedTuple):
    """One box: class, line, four numbers."""

    name: str
    line: int
    values: tuple[float, float, float, float]


class _Image:
    """An image and its rows, while they are collected."""

    def __init__(self, record: ImageRecord, says: _Says) -> None:
        self.record = record
        self.says = says
        self.rows: list[_Row] = []


class CsvReader:
    """Collects the rows of files by image; what is broken or has no box goes to the ledger."""

    def __init__(self, layout: SourceLayout, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = layout
        self._options = options
        self._ledger = ledger
        self._images: dict[tuple[str, str | None, str], _Image] = {}
        self._units = UnitsWitness(options.assume.get("units"))
        self._nameless = False

    def read_file(self, path: Path, layout: CsvLayout) -> None:
        """Read one file.

        Raises:
            DataError: It is not text or not CSV; with the line.
        """
        columns = layout.columns
        split, source = self._layout.describe_set_file(path, "line", (path.stem,))
        self._nameless = self._nameless or columns.label is None
        for line, cells in iter_rows(path, layout):
            try:
                values = _read_box(cells, layout)
            except ValueError as error:
                self._ledger.see(1)
                shown = shorten(layout.delimiter.join(cells))
                self._ledger.record(source, line, "dropped", "bad-row", f"{error} in {shown}")
                continue
            image = self._image_of(cells, layout, source, split)
            self._add(image, cells, line, values, layout)

    def _add(
        self,
        image: _Image,
        cells: list[str],
        line: int,
        values: tuple[float, float, float, float] | None,
        layout: CsvLayout,
    ) -> None:
        columns, source = layout.columns, image.record.source
        name = NAMELESS if columns.label is None else cells[columns.label].strip()
        if values is None:
            if name and columns.label is not None:
                self._ledger.see(1)
                message = f"the {name} has no box; its image stays"
                self._ledger.record(source, line, "excluded", "no-box", message)
            return
        self._ledger.see(1)
        if not name:
            self._ledger.record(source, line, "dropped", "bad-row", "the box has no class")
            return
        image.rows.append(_Row(name, line, values))
        self._units.observe(values)

    def _image_of(
        self, cells: list[str], layout: CsvLayout, source: SourceFile, split: str | None
    ) -> _Image:
        columns = layout.columns
        name = cells[columns.image].strip()
        if columns.split is not None:
            split = split_from_name(cells[columns.split]) or split
        key = source.path, split, name
        if key not in self._images:
            width_px, height_px = read_size([cells[at] for at in columns.size or ()])
            record = ImageRecord(name, width_px, height_px, split, None, source)
            says = _Says(columns.encoding, None if len(columns.box) == 1 else "xyxy")
            self._images[key] = _Image(record, says)
        return self._images[key]

    def to_dataset(self) -> Dataset:
        """Return what was read, in px.

        Raises:
            DataError: Sizes of images are needed and are not to be looked at; or it is not clear
                what the numbers are.
        """
        evidence: list[str] = []
        encodings: dict[_Says, BoxEncoding] = {}
        if self._assumed is not None:
            evidence.append(f"boxes are taken as {self._assumed}, as --assume box says")
        else:
            encodings = self._conclude(evidence)
        evidence += self._units.evidence()
        if self._nameless:
            evidence.append(f"no column names a class: all objects are called {NAMELESS!r}")
        return build_dataset(self._to_images(encodings), evidence=evidence)

    @property
    def _assumed(self) -> BoxEncoding | None:
        assumed = self._options.assume.get("box", "auto")
        return None if assumed == "auto" else cast("BoxEncoding", assumed)

    def _conclude(self, evidence: list[str]) -> dict[_Says, BoxEncoding]:
        """Return what the numbers are, for each thing that files say about them."""
        images = [image for image in self._images.values() if image.rows]
        full = self._units.full
        sizes = np.full((len(images), 2), full or np.nan)
        if full is None:
            look = not self._options.labels_only
            sizes = sample_sizes([image.record for image in images], look=look)
            self._units.refuse_percent(sizes, images[0].record.source.path if images else "")
        found: dict[_Says, BoxEncoding] = {}
        for says in dict.fromkeys(image.says for image in images):
            chosen = [at for at, image in enumerate(images) if image.says == says]
            counts = [len(images[at].rows) for at in chosen]
            values = np.array([row.values for at in chosen for row in images[at].rows])
            witness = BoxWitness(values, np.repeat(sizes[chosen], counts, axis=0))
            path = images[chosen[0]].record.source.path
            found[says] = witness.require(
                *says, who="the header", path=path, hint=f"say it with {_OPTION}"
            )
            if says.stated is not None:
                evidence.append(f"boxes are {says.stated} by the header ({_OPTION})")
            else:
                evidence.append(
                    f"no header says what the four numbers are; {witness.describe()}; so they "
                    f"are taken as {found[says]} ({_OPTION})"
                )
        return found

    def _to_images(self, encodings: dict[_Says, BoxEncoding]) -> Iterator[ImageRows]:
        full = self._units.full
        meter = None if full is None else ImageMeter(self._ledger)
        for image in self._images.values():
            record: ImageRecord | None = image.record
            scale = np.ones(4)
            if meter is not None:
                if image.record.width_px is None:
                    record = self._measure(image, meter)
                if record is None:
                    continue
                scale = np.array(record.image_wh * 2) / (full or 1.0)
            assert record is not None, "without fractions no image is measured"
            found = ImageRows(record)
            if image.rows:
                values = np.array([row.values for row in image.rows])
                boxes = to_xyxy(values, self._assumed or encodings[image.says]) * scale
                for row, box in zip(image.rows, boxes.tolist(), strict=True):
                    found.add(row.name, row.line, box)
            yield found

    def _measure(self, image: _Image, meter: ImageMeter) -> ImageRecord | None:
        why = "the boxes are fractions, no image sizes are stated"
        self._options.require_images(why, image.record.source.path)
        return meter.measure(image.record, [row.line for row in image.rows])


def _read_box(cells: list[str], layout: CsvLayout) -> tuple[float, float, float, float] | None:
    """Return the four numbers of a row, None if it has no box.

    Raises:
        ValueError: The row is broken, with the reason.
    """
    columns, comma = layout.columns, layout.decimal_comma
    if len(cells) < columns.count or any(map(str.strip, cells[columns.count :])):
        raise ValueError(f"{counted(len(cells), 'cell')}, not {columns.count},")
    if not cells[columns.image].strip():
        raise ValueError("no image")
    texts = [cells[at] for at in columns.box]
    if all(map(is_blank, texts)):
        return None
    if len(texts) == 1:
        inner = texts[0].translate(_BRACKETS)  # two pairs may have brackets of their own
        texts, comma = [text for text in _SEPARATORS.split(inner) if text], False
    numbers = [read_number(text, decimal_comma=comma) for text in texts]
    if len(numbers) != 4:
        raise ValueError(f"a box of {counted(len(numbers), 'number')}")
    if not all(abs(number) < 1e9 for number in numbers):
        raise ValueError("a number that is not finite")
    return numbers[0], numbers[1], numbers[2], numbers[3]
