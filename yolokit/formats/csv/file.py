"""CSV files as programs and people write them: delimiters, quotes, and errors with their lines."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import msgspec

from yolokit.errors import DataError
from yolokit.files.size_limits import iter_bounded
from yolokit.formats.csv.columns import Columns, find_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 30
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n")  # Excel's hint to itself


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
    columns: Columns
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
        columns = find_columns(rows, decimal_comma=delimiter != ",")
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
