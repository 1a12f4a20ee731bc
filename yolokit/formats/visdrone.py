"""VisDrone DET: a text file an image, with rows of comma-separated whole numbers.

A row is ``left,top,width,height,score,category,truncation,occlusion``, in px from the top-left
corner; some files end it with a comma. Category 0 is a region in which nothing was annotated, 11
is "others"; a score of 0 says that a box is not to be looked at. The names of the categories are
in no file: the format fixes them. The lists of VisDrone's videos (VID, MOT) have ten columns and
are another format.

Source: https://github.com/VisDrone/VisDrone2018-DET-toolkit, "Annotation format".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.formats.toolkit.text_labels import read_lines
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, SourceFile

TITLE = "VisDrone DET"
READS: tuple[Task, ...] = (Task.DETECT,)
ROWS = True
RECOGNISED_BY = "text files of rows left,top,width,height,score,category,truncation,occlusion"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType({"others": ("exclude", "keep")})

NAMES = (
    *("pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle", "awning-tricycle"),
    *("bus", "motor", "others"),
)
"""Categories 1 to 11."""

_OTHERS = 11
_COLUMNS = 8
_VIDEO_COLUMNS = 10
_SNIFFED_FILES = 20
_ROW = re.compile(rb"(-?\d{1,6},){4}[01],(\d|10|11),-?\d,-?\d,?")


def sniff(tree: SourceTree) -> Match | None:
    """Recognise text files all of whose rows are VisDrone's."""
    for file in _text_files(tree)[:_SNIFFED_FILES]:
        rows = tree.head(file).removeprefix(b"\xef\xbb\xbf").split()
        if not rows:
            continue
        if all(_ROW.fullmatch(row) for row in rows[:-1] or rows):
            return Match(0.9, f"{file.name} has rows of 8 numbers with score and category")
        return None
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a VisDrone set; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There are no label files, or some are not text or have columns of videos.
    """
    tree = SourceTree(source)
    files = _text_files(tree)
    if not tree.is_file and not any(file.parent.name == "annotations" for file in files):
        rows = {file for file in files if _is_rows(tree.head(file))}
        # Beside files with rows, an empty one is of an image without objects.
        files = [file for file in files if file in rows or (rows and not tree.head(file).strip())]
    if not files:
        raise DataError("there are no text files of labels in it", path=source)
    reader = _Reader(source, options, ledger)
    images = read_each(files, reader.read_file)
    names = NAMES if reader.keeps_others else NAMES[:-1]
    evidence = "the names of the classes are those that VisDrone fixes, from 1 on"
    if not reader.keeps_others:
        evidence += "; category 11, others, is left out (--assume others=exclude|keep)"
    return build_dataset(images, names=names, evidence=[evidence])


def _text_files(tree: SourceTree) -> list[Path]:
    """Return the text files: those in folders ``annotations``, where there are any."""
    files = list(tree.files(".txt"))
    above = len(tree.path.parts) - 1
    return [file for file in files if "annotations" in file.parts[above:-1]] or files


def _is_rows(head: bytes) -> bool:
    """Tell whether a text file begins with a row."""
    return _ROW.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


class _Reader:
    """Reads files one by one; what is not a box goes to the ledger."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._ledger = ledger
        self.keeps_others = options.assume.get("others") == "keep"

    def read_file(self, path: Path) -> ImageRows:
        split = self._layout.split_of(path)
        source = SourceFile(str(path), "line", self._layout.image_roots(path, split))
        rows = ImageRows(ImageRecord(path.stem, None, None, split, None, source))
        for number, line in read_lines(path):
            self._read_row(line, number, rows)
        return rows

    def _read_row(self, line: str, number: int, rows: ImageRows) -> None:
        source = rows.image.source
        cells = [cell.strip() for cell in line.removesuffix(",").split(",")]
        if len(cells) == _VIDEO_COLUMNS:
            raise DataError(
                "it has ten columns, as VisDrone's lists for videos (VID, MOT) do; lists for "
                "images (DET) have eight",
                path=source.path,
                line=number,
            )
        self._ledger.see(1)
        try:
            left, top, width, height, score, category = _numbers(cells)
        except ValueError as error:
            self._ledger.record(source, number, "dropped", "bad-row", str(error))
            return
        if category == 0:
            message = "it marks a region in which nothing was annotated"
            self._ledger.record(source, number, "excluded", "ignored-region", message)
        elif category == _OTHERS and not self.keeps_others:
            self._ledger.record(source, number, "excluded", "others", "its category is 11, others")
        elif score == 0 and category != _OTHERS:  # all others have it; here they are asked for
            message = "its score is 0: it is not to be looked at"
            self._ledger.record(source, number, "excluded", "ignored", message)
        elif category not in range(1, _OTHERS + 1):
            message = f"{category:g} is not a category of VisDrone"
            self._ledger.record(source, number, "dropped", "unknown-class", message)
        else:
            rows.add(NAMES[int(category) - 1], number, (left, top, left + width, top + height))


def _numbers(cells: list[str]) -> list[float]:
    """Return the first six numbers of a row.

    Raises:
        ValueError: These are not eight numbers.
    """
    if len(cells) != _COLUMNS:
        raise ValueError(f"the row has {counted(len(cells), 'column')}, not {_COLUMNS}")
    try:
        return [float(cell) for cell in cells][:6]
    except ValueError as error:
        raise ValueError(f"the row holds something that is not a number: {cells}"[:200]) from error
