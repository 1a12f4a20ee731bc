"""Which column of a CSV file holds what, by its header or by the cells themselves."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from yolokit.errors import DataError
from yolokit.files.size_limits import iter_bounded
from yolokit.formats.toolkit.box_evidence import BoxEncoding
from yolokit.images.listing import is_image_name

_IMAGE = (
    *("filename", "file", "imagefilename", "imagename", "imagepath", "imagefile", "image"),
    *("imageid", "filepath", "path", "img", "imgname", "imgpath", "imgid", "fname", "frame"),
    *("patientid",),
)
_LABEL = (
    *("class", "classname", "label", "labelname", "category", "categoryname", "labels"),
    *("object", "objectname", "objectclass", "name", "type", "species", "tag", "target"),
    *("classid", "labelid", "categoryid"),
)
_SPLIT = ("split", "subset", "set")
_WIDTH = ("imagewidth", "imgwidth", "imwidth", "width")
_HEIGHT = ("imageheight", "imgheight", "imheight", "height")
_LOW_X = ("xmin", "x0", "x1", "minx", "left")
_LOW_Y = ("ymin", "y0", "y1", "miny", "top")
_HIGH_X = ("xmax", "x2", "maxx", "right", "x1")
_HIGH_Y = ("ymax", "y2", "maxy", "bottom", "y1")
_CENTER_X = ("cx", "xcenter", "centerx", "xcentre", "centrex", "xc")
_CENTER_Y = ("cy", "ycenter", "centery", "ycentre", "centrey", "yc")
_BOX_WIDTH = ("w", "boxwidth", "bw", "width")
_BOX_HEIGHT = ("h", "boxheight", "bh", "height")
_WHOLE = ("bbox", "box", "boundingbox")
_ENCODINGS: tuple[tuple[BoxEncoding, tuple[tuple[str, ...], ...]], ...] = (
    ("xyxy", (_LOW_X, _LOW_Y, _HIGH_X, _HIGH_Y)),
    ("cxcywh", (_CENTER_X, _CENTER_Y, _BOX_WIDTH, _BOX_HEIGHT)),
    ("xywh", (("x", *_LOW_X), ("y", *_LOW_Y), _BOX_WIDTH, _BOX_HEIGHT)),
)
_BLANK = frozenset({"", "nan", "null", "none", "na", "n/a", "[]"})
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")
_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 30
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n")  # Excel's hint to itself


class _Columns(msgspec.Struct, frozen=True):
    """The columns of a file, by their numbers from 0.

    Attributes:
        count: How many there are.
        image: The image's name.
        box: Its four numbers, or one column with all of them in brackets.
        label: The class, if there is one.
        size: Width and height of the image, if they are stated.
        split: The split, if it is stated.
        encoding: What the four numbers are by the header; None if it does not say.
        has_header: Whether the first row names the columns.
    """

    count: int
    image: int
    box: tuple[int, ...]
    label: int | None = None
    size: tuple[int, int] | None = None
    split: int | None = None
    encoding: BoxEncoding | None = None
    has_header: bool = True


def _find_columns(rows: Sequence[Sequence[str]], *, decimal_comma: bool) -> _Columns | None:
    """Find out what the columns of a file hold from its first rows; None if they are not boxes."""
    if not rows:
        return None
    return _from_header(rows[0]) or _from_cells(rows, decimal_comma=decimal_comma)


def is_blank(cell: str) -> bool:
    """Tell whether a cell holds nothing, as various programs write that."""
    return cell.strip().lower() in _BLANK


def read_number(cell: str, *, decimal_comma: bool) -> float:
    """Return the number in a cell.

    Raises:
        ValueError: It holds none.
    """
    if _NUMBER.fullmatch(cell) is not None:
        return float(cell)
    if decimal_comma and _DECIMAL_COMMA.fullmatch(cell) is not None:
        return float(cell.replace(",", "."))
    raise ValueError(f"{cell!r} is not a number")


def _from_header(header: Sequence[str]) -> _Columns | None:
    keys: dict[str, int] = {}
    box_keys: dict[str, int] = {}  # of names such as bbox_x, which are surely the box's
    for at, cell in enumerate(header):
        key = re.sub(r"[^a-z0-9]", "", cell.lower())
        keys.setdefault(key, at)
        tail = re.sub(r"^(boundingbox|bbox|box|bb|roi)", "", key)
        if tail not in ("", key):
            box_keys.setdefault(tail, at)
    image = _first(keys, _IMAGE)
    encoding, box = _find_box(box_keys, keys)
    if image is None or not box:
        return None
    rest = {key: at for key, at in keys.items() if at not in (image, *box)}
    width, height = _first(rest, _WIDTH), _first(rest, _HEIGHT)
    return _Columns(
        len(header),
        image,
        box,
        _first(rest, _LABEL),
        None if width is None or height is None else (width, height),
        _first(rest, _SPLIT),
        encoding,
    )


def _find_box(
    box_keys: dict[str, int], keys: dict[str, int]
) -> tuple[BoxEncoding | None, tuple[int, ...]]:
    for encoding, names in _ENCODINGS:
        found = [_first(box_keys, some) for some in names]
        found = [
            _first(keys, some) if at is None else at for at, some in zip(found, names, strict=True)
        ]
        box = tuple(at for at in found if at is not None)
        if len(set(box)) == 4:
            return encoding, box
    whole = _first(keys, _WHOLE)
    return None, () if whole is None else (whole,)


def _first(keys: dict[str, int], names: Sequence[str]) -> int | None:
    return next((keys[name] for name in names if name in keys), None)


def _from_cells(rows: Sequence[Sequence[str]], *, decimal_comma: bool) -> _Columns | None:
    """Recognise the layouts without a header by most of the first rows."""
    for columns in (_RETINANET, _MAKE_SENSE, _SKU110K):
        fits = sum(_fits(row, columns, decimal_comma=decimal_comma) for row in rows)
        if fits * 2 > len(rows):
            return columns
    return None


def _fits(row: Sequence[str], columns: _Columns, *, decimal_comma: bool) -> bool:
    if len(row) != columns.count or not is_image_name(row[columns.image].strip()):
        return False
    cells = [row[at] for at in (*columns.box, *(columns.size or ()))]
    try:
        for cell in cells:
            read_number(cell, decimal_comma=decimal_comma)
    except ValueError:
        return all(is_blank(cell) for cell in cells)
    return True


_RETINANET = _Columns(6, 0, (1, 2, 3, 4), 5, has_header=False)
_MAKE_SENSE = _Columns(8, 5, (1, 2, 3, 4), 0, (6, 7), None, "xywh", has_header=False)
_SKU110K = _Columns(8, 0, (1, 2, 3, 4), 5, (6, 7), None, "xyxy", has_header=False)


class _Dialect(csv.excel):
    strict = True  # a quote that never closes would swallow the rest
    skipinitialspace = True


class CsvLayout(msgspec.Struct, frozen=True):
    """How a file is written.

    Attributes:
        delimiter: Between cells.
        columns: What they hold.
        skipped_lines: Lines before the first row.
    """

    delimiter: str
    columns: _Columns
    skipped_lines: int = 0

    @property
    def decimal_comma(self) -> bool:
        """Whether a comma may be the decimal point."""
        return self.delimiter != ","


def find_layout(head: bytes) -> CsvLayout | None:
    """Tell from the head of a file how it is written; None if it holds no boxes of images."""
    text = head.decode("utf-8-sig", errors="replace")
    separator = _SEPARATOR_LINE.match(text)
    lines = text.splitlines(keepends=True)[separator is not None :]
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        del lines[-1]  # the head may end within a row
    for delimiter in separator.group(1) if separator is not None else _DELIMITERS:
        if delimiter in '"\x00':
            continue
        try:
            rows = [
                row
                for row in csv.reader(lines[:_SAMPLE_ROWS], _Dialect, delimiter=delimiter)
                if any(row)
            ]
        except csv.Error:
            rows = [lines[0].rstrip("\r\n").split(delimiter)] if lines else []
        columns = _find_columns(rows, decimal_comma=delimiter != ",")
        if columns is not None:
            return CsvLayout(delimiter, columns, int(separator is not None))
    return None


def iter_rows(path: Path, layout: CsvLayout) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows below the header with the line that each begins at; blank ones are left out.

    Raises:
        DataError: The file cannot be read, is not UTF-8 text, or its quotes do not close.
    """
    line = layout.skipped_lines
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for _ in range(layout.skipped_lines):
                stream.readline()
            lines = iter_bounded(stream, path)
            rows = csv.reader(lines, _Dialect, delimiter=layout.delimiter)
            header: list[str] | None = None
            for row in rows:
                begin, line = line + 1, layout.skipped_lines + rows.line_num
                if not any(cell.strip() for cell in row):
                    continue
                if header is None and layout.columns.has_header:
                    header = row
                elif row != header:  # files that were joined have it again
                    yield begin, row
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise DataError(
            "this is not UTF-8 text",
            path=path,
            line=_find_broken_line(path),
            hint="save it again as UTF-8",
        ) from error
    except csv.Error as error:
        raise DataError(f"this is not CSV: {error}", path=path, line=line + 1) from error


def _find_broken_line(path: Path) -> int | None:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None
