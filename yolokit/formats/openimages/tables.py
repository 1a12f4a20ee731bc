"""The tables of Open Images: boxes row by row, class names, lists of images."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.files.size_limits import iter_bounded
from yolokit.formats.toolkit.layout import split_from_name
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import SourceFile

COLUMNS = ("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax")
"""The columns without which a table is none of boxes."""

_DELIMITERS = ",;\t"
_MID = re.compile(r"/[a-z]/\S+")
_LIST_NAME = re.compile(r"-?images?([-_].*)?$|-?annotations-bbox$", re.IGNORECASE)
_CALLED_SO = re.compile(r".*images?[-_](ids|boxable|with|and).*", re.IGNORECASE)
_BOXABLE = "boxable"


def split_header(line: str) -> tuple[list[str], str]:
    """Return the names of a table's columns, and their separator."""
    delimiter = max(_DELIMITERS, key=line.count)
    names = [name.strip().strip('"').strip() for name in line.strip("\r\n").split(delimiter)]
    return names, delimiter


def _iter_table(path: Path, delimiter: str | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines of a table with their numbers, from 1, as they are read; empty ones not."""
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            if delimiter is None:
                delimiter = split_header(stream.readline(1 << 16))[1]
                stream.seek(0)
            rows = csv.reader(iter_bounded(stream, path), delimiter=delimiter)
            for row in rows:
                line = rows.line_num
                if row:
                    yield line, row
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", path=path, line=line) from error
    except csv.Error as error:
        raise DataError(f"this is not CSV: {error}", path=path, line=line + 1) from error


def read_class_names(path: Path) -> dict[str, str]:
    """Return the names of machine ids, as ``class-descriptions*.csv`` lists them.

    Raises:
        DataError: It cannot be read.
    """
    names: dict[str, str] = {}
    for _, row in _iter_table(path):
        if len(row) > 1 and _MID.fullmatch(row[0].strip()) and row[1].strip():
            names.setdefault(row[0].strip(), row[1].strip())
    return names


class BoxRows:
    """The boxes of one table in fractions: a few dozen bytes each, for there are millions.

    Attributes:
        image_ids: The images, in order of appearance.
        mids: The classes, in order of appearance.
        images: For each box its position in ``image_ids``.
        classes: For each box its position in ``mids``.
        lines: For each box its line.
        edges: Four for each box: left, top, right, bottom as fractions.
        decimal_commas: How many rows have them.
    """

    def __init__(self) -> None:
        self.image_ids: dict[str, int] = {}
        self.mids: dict[str, int] = {}
        self.images, self.classes, self.lines = array("q"), array("q"), array("q")
        self.edges = array("d")
        self.decimal_commas = 0

    def meet(self, image_id: str) -> int:
        """Return the position of an image, which is listed from now on."""
        return self.image_ids.setdefault(image_id, len(self.image_ids))


class _Columns(NamedTuple):
    """The positions of the cells of a row."""

    image_id: int
    mid: int
    edges: tuple[int, int, int, int]
    flags: tuple[tuple[str, int], ...]


class BoxTable:
    """Reads a table of boxes; rows that are not boxes or are left out go to the ledger.

    Args:
        source: The file, as it is called in the ledger.
        ledger: Gets those rows.
        excluded: Column to what a 1 in it says about an object, for those to be left out.
    """

    def __init__(self, source: SourceFile, ledger: Ledger, excluded: dict[str, str]) -> None:
        self._source = source
        self._ledger = ledger
        self._excluded = excluded

    def read(self, path: Path) -> BoxRows:
        """Read all rows, each once and none kept as text.

        Raises:
            DataError: It cannot be read, or lacks a column.
        """
        rows = BoxRows()
        table = _iter_table(path)
        _, names = next(table, (1, None))
        if names is None:
            raise DataError("the table is empty", path=path)
        columns = self._find_columns(names, path)
        count = 0
        for line, cells in table:
            count += 1
            self._read_row(rows, columns, cells, line)
        self._ledger.see(count)
        return rows

    def _read_row(self, rows: BoxRows, columns: _Columns, cells: list[str], line: int) -> None:
        left, top, right, bottom = columns.edges
        try:
            image_id, mid = cells[columns.image_id].strip(), cells[columns.mid].strip()
            texts = cells[left], cells[top], cells[right], cells[bottom]
        except IndexError:
            self._drop(
                line, "bad-row", f"the row has {counted(len(cells), 'cell')}, fewer than the header"
            )
            return
        if not image_id or not mid:
            self._drop(line, "bad-row", "the row has no ImageID or no LabelName")
            return
        image = rows.image_ids.setdefault(image_id, len(rows.image_ids))
        for flag, at in columns.flags:
            if cells[at : at + 1] == ["1"]:
                message = f"{flag} is 1: {self._excluded[flag]}"
                self._ledger.record(self._source, line, "excluded", flag.lower(), message)
                return
        edges = self._read_edges(texts, rows, line)
        if edges is not None:
            rows.images.append(image)
            rows.classes.append(rows.mids.setdefault(mid, len(rows.mids)))
            rows.lines.append(line)
            rows.edges.extend(edges)

    def _read_edges(
        self, texts: tuple[str, str, str, str], rows: BoxRows, line: int
    ) -> tuple[float, float, float, float] | None:
        left, top, right, bottom = texts
        try:
            edges = float(left), float(top), float(right), float(bottom)
        except ValueError:
            mended = left, top, right, bottom = tuple(text.replace(",", ".") for text in texts)
            if mended != texts:
                rows.decimal_commas += 1
                return self._read_edges((left, top, right, bottom), rows, line)
            self._drop(line, "bad-row", f"the box is not four numbers: {' '.join(texts)[:80]}")
            return None
        if min(edges) >= -1 and max(edges) <= 2 and isfinite(sum(edges)):
            return edges
        shown = " ".join(f"{edge:g}" for edge in edges)
        self._drop(line, "no-fraction", f"the box is not in fractions of the image: {shown}")
        return None

    def _drop(self, line: int, code: str, message: str) -> None:
        self._ledger.record(self._source, line, "dropped", code, message)

    def _find_columns(self, names: list[str], path: Path) -> _Columns:
        at = {name.strip(): at for at, name in enumerate(names)}
        missing = [name for name in COLUMNS if name not in at]
        if missing:
            raise DataError(
                f"the header of the table lacks {', '.join(missing)}",
                path=path,
                line=1,
                hint="the columns of Open Images are found by their names",
            )
        edges = at["XMin"], at["YMin"], at["XMax"], at["YMax"]
        flags = tuple((flag, at[flag]) for flag in self._excluded if flag in at)
        return _Columns(at["ImageID"], at["LabelName"], edges, flags)


class _ListedImage(NamedTuple):
    """A line of a list: the image, the subset that it is of, and whether it is to be turned."""

    image_id: str
    subset: str
    is_turned: bool


def subset_of(stem: str) -> str:
    """Return the subset that a file is of: a split, or what its name begins with."""
    prefix = _LIST_NAME.sub("", stem)
    return split_from_name(prefix) or prefix.lower()


def choose_lists(files: Iterable[Path], heads: Iterable[bytes]) -> list[Path]:
    """Return the lists of images; those of images with boxes alone where a subset has one.

    On Google's other images nobody drew boxes, whatever is in them.
    """
    lists = [file for file, head in zip(files, heads, strict=True) if _is_list(file, head)]
    boxable = {subset_of(file.stem) for file in lists if _BOXABLE in file.stem.lower()}
    return [
        file
        for file in lists
        if _BOXABLE in file.stem.lower() or not boxable & {subset_of(file.stem)}
    ]


def _is_list(file: Path, head: bytes) -> bool:
    names = columns_of(head)
    if "ImageID" in names:
        return not any("Label" in name or name in ("XMin", "MaskPath") for name in names)
    return len(names) == 1 and _CALLED_SO.fullmatch(file.stem) is not None


def columns_of(head: bytes) -> list[str]:
    """Return the names of a table's columns from the head of its file."""
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0][:4096]
    return split_header(line.decode("utf-8", "replace"))[0]


def read_list(path: Path) -> Iterator[_ListedImage]:
    """Yield the images of a list; without a head the first column holds them.

    Raises:
        DataError: It cannot be read.
    """
    subset, columns = subset_of(path.stem), {"ImageID": 0}
    for _, row in _iter_table(path):
        if "ImageID" in (names := [cell.strip() for cell in row]):
            columns = {name: at for at, name in enumerate(names)}
            continue
        image_id = _cell(row, columns, "ImageID")
        if image_id:
            stated = _cell(row, columns, "Subset")
            turn = _cell(row, columns, "Rotation")
            is_turned = turn not in ("", "nan") and turn.strip("0.") != ""
            yield _ListedImage(image_id, subset_of(stated) if stated else subset, is_turned)


def _cell(row: Sequence[str], columns: dict[str, int], name: str) -> str:
    at = columns.get(name, len(row))
    return row[at].strip() if at < len(row) else ""
