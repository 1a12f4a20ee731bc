"""Reads rows of CSV files into images, once it is clear what their four numbers are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from yolokit.annotations.collect import ImageRows, collect_dataset
from yolokit.annotations.formats._csv_columns import is_blank, read_number
from yolokit.annotations.formats._csv_file import iter_rows
from yolokit.annotations.formats._places import split_of
from yolokit.annotations.formats._text_labels import shorten
from yolokit.annotations.formats._units import ImageMeter, UnitsWitness
from yolokit.annotations.image_roots import find_image_roots
from yolokit.annotations.model import ImageRecord, SourceFile
from yolokit.annotations.split import split_from_name
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.annotations.formats._csv_file import CsvLayout
    from yolokit.annotations.ledger import Ledger
    from yolokit.annotations.model import Dataset
    from yolokit.annotations.plugin import ReadOptions

NAMELESS = "object"
"""What all objects are called where no column names a class."""

_INVERTED_SHARE = 0.02  # of rows; a broken row or two do not turn corners into sizes
_SEPARATORS = re.compile(r"[\s,;]+")
_OUTSIDE_PX = 1.0


class _Row(NamedTuple):
    """One box: class, line, four numbers, and whether all of them stand in one column."""

    name: str
    line: int
    values: tuple[float, float, float, float]
    encoding: str | None
    in_brackets: bool


class _Image:
    """An image and its rows, while they are collected."""

    def __init__(self, record: ImageRecord) -> None:
        self.record = record
        self.rows: list[_Row] = []


class CsvReader:
    """Collects the rows of files by image.

    Args:
        root: The source's folder.
        options: How it is to be read.
        ledger: Gets rows that are broken or have no box.
    """

    def __init__(self, root: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._root = root
        self._options = options
        self._ledger = ledger
        self._images: dict[tuple[str, str | None, str], _Image] = {}
        self._units = UnitsWitness(options.assume.get("units"))
        self._unstated = self._inverted = self._outside = 0
        self._bracketed = self._nameless = self._headed = False

    def read_file(self, path: Path, layout: CsvLayout) -> None:
        """Read one file.

        Raises:
            DataError: It is no text or no CSV; with the line.
        """
        columns = layout.columns
        split = split_of(path, self._root)
        roots = find_image_roots(path, self._root, self._options.images, split, (path.stem,))
        source = SourceFile(str(path), "line", roots)
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
        row = _Row(name, line, values, columns.encoding, len(columns.box) == 1)
        image.rows.append(row)
        self._observe(row, image.record)

    def _image_of(
        self, cells: list[str], layout: CsvLayout, source: SourceFile, split: str | None
    ) -> _Image:
        columns = layout.columns
        name = cells[columns.image].strip()
        if columns.split is not None:
            split = split_from_name(cells[columns.split]) or split
        key = source.path, split, name
        if key not in self._images:
            width_px, height_px = _read_size([cells[at] for at in columns.size or ()])
            record = ImageRecord(name, width_px, height_px, split, None, source)
            self._images[key] = _Image(record)
        return self._images[key]

    def _observe(self, row: _Row, image: ImageRecord) -> None:
        self._units.observe(row.values)
        if row.encoding is not None:
            self._headed = True
            return
        first, second, third, fourth = row.values
        self._unstated += 1
        self._bracketed = self._bracketed or row.in_brackets
        self._inverted += third < first or fourth < second
        if image.width_px is not None:
            width_px, height_px = image.image_wh
            right, bottom = first + third - _OUTSIDE_PX, second + fourth - _OUTSIDE_PX
            self._outside += right > width_px or bottom > height_px

    @property
    def _encoding(self) -> str:
        """What four numbers are of which no header says that."""
        if self._inverted and self._inverted >= self._unstated * _INVERTED_SHARE:
            return "xywh"
        if self._outside or not self._bracketed:
            return "xyxy"
        return "xywh"

    def to_dataset(self) -> Dataset:
        """Return what was read, in px.

        Raises:
            DataError: Sizes of images are needed and are not to be looked at.
        """
        return collect_dataset(self._to_images(), evidence=tuple(self._evidence()))

    def _evidence(self) -> Iterator[str]:
        assumed = self._options.assume.get("box", "auto")
        if assumed != "auto":
            yield f"boxes are taken as {assumed}, as --assume box says"
        elif self._unstated:
            yield (
                f"no header says what the four numbers are; in {self._inverted} of "
                f"{self._unstated} rows the third is below the first or the fourth below the "
                f"second, so they are taken as {self._encoding} (--assume box=xyxy|xywh|cxcywh)"
            )
        if assumed == "auto" and self._headed:
            found = {row.encoding for image in self._images.values() for row in image.rows}
            named = " and ".join(sorted(encoding for encoding in found if encoding))
            yield f"boxes are {named} by the header (--assume box=xyxy|xywh|cxcywh)"
        yield from self._units.evidence()
        if self._nameless:
            yield f"no column names a class: all objects are called {NAMELESS!r}"

    def _to_images(self) -> Iterator[ImageRows]:
        assumed = self._options.assume.get("box", "auto")
        meter = ImageMeter(self._ledger) if self._units.are_fractions else None
        for image in self._images.values():
            record: ImageRecord | None = image.record
            factors = (1.0, 1.0)
            if meter is not None:
                if image.record.width_px is None:
                    record = self._measure(image, meter)
                if record is None:
                    continue
                factors = record.image_wh
            assert record is not None, "without fractions no image is measured"
            found = ImageRows(record)
            for row in image.rows:
                encoding = row.encoding or self._encoding
                encoding = encoding if assumed == "auto" else assumed
                found.add(row.name, row.line, _to_xyxy(row.values, encoding, factors))
            yield found

    def _measure(self, image: _Image, meter: ImageMeter) -> ImageRecord | None:
        if self._options.labels_only:
            raise DataError(
                "the boxes are fractions, no size of images is stated, and --labels-only looks "
                "at no image",
                path=image.record.source.path,
                hint="leave --labels-only out, and say with --images where the images are",
            )
        return meter.measure(image.record, [row.line for row in image.rows])


def _read_box(cells: list[str], layout: CsvLayout) -> tuple[float, float, float, float] | None:
    """Return the four numbers of a row, None if it has no box.

    Raises:
        ValueError: The row is broken, with the reason.
    """
    columns, comma = layout.columns, layout.decimal_comma
    if len(cells) < columns.count or any(map(str.strip, cells[columns.count :])):
        raise ValueError(f"{len(cells)} cells, not {columns.count},")
    if not cells[columns.image].strip():
        raise ValueError("no image")
    texts = [cells[at] for at in columns.box]
    if all(map(is_blank, texts)):
        return None
    if len(texts) == 1:
        inner = texts[0].strip().removeprefix("[").removesuffix("]")
        inner = inner.removeprefix("(").removesuffix(")")
        texts, comma = [text for text in _SEPARATORS.split(inner.strip()) if text], False
    numbers = [read_number(text, decimal_comma=comma) for text in texts]
    if len(numbers) != 4:
        raise ValueError(f"a box of {len(numbers)} numbers")
    if not all(abs(number) < 1e9 for number in numbers):
        raise ValueError("a number that is not finite")
    return numbers[0], numbers[1], numbers[2], numbers[3]


def _to_xyxy(
    values: tuple[float, float, float, float], encoding: str, factors: tuple[float, float]
) -> list[float]:
    first, second, third, fourth = values
    if encoding == "xywh":
        box = [first, second, first + third, second + fourth]
    elif encoding == "cxcywh":
        half_w, half_h = third / 2, fourth / 2
        box = [first - half_w, second - half_h, first + half_w, second + half_h]
    else:
        box = list(values)
    return [value * factor for value, factor in zip(box, factors * 2, strict=True)]


def _read_size(cells: list[str]) -> tuple[int, int] | tuple[None, None]:
    try:
        width_px, height_px = (int(float(cell)) for cell in cells)
    except (ValueError, OverflowError):
        return None, None
    return (width_px, height_px) if min(width_px, height_px) > 0 else (None, None)
