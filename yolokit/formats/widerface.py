"""WIDER Face: one text file a split, ``wider_face_split/wider_face_<split>_bbx_gt.txt``.

For each image a line with its name below ``WIDER_<split>/images``, a line with the number of
faces, and a line a face: ``x y width height blur expression illumination invalid occlusion pose``,
x and y being the top-left corner in px. An image without faces has the number 0 and still one row,
of zeros. Datumaro leaves number and row out there, may write the first four columns alone, and
appends the name of another class.

Source: the ``readme.txt`` of ``wider_face_split.zip``, http://shuoyang1213.me/WIDERFACE/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.formats.toolkit.text_labels import read_lines
from yolokit.images.listing import is_image_name
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, SourceFile

TITLE = "WIDER Face"
READS: tuple[Task, ...] = (Task.DETECT,)
ROWS = True
RECOGNISED_BY = "text files of an image's name, its number of faces, and a row for each"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType({"invalid": ("exclude", "keep")})

NAME = "face"
_INVALID = 7


def sniff(tree: SourceTree) -> Match | None:
    """Recognise a text file that begins with an image's name, a number, and a row of numbers."""
    file = tree.first(_is_list, ".txt", among=20)
    if file is None:
        return None
    return Match(1.0, f"{file.name} has images' names, numbers of faces, and rows")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a WIDER Face set; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no list of faces, or one is broken, with its line.
    """
    paths = SourceTree(source).pick(_is_list, ".txt")
    if not paths:
        raise DataError("there is no list wider_face_<split>_bbx_gt.txt in it", path=source)
    layout = SourceLayout(source, options.images)
    lists = read_each(paths, lambda path: _ListReader(path, layout, options, ledger).read())
    images = [image for listed in lists for image in listed]
    keeps = options.assume.get("invalid") == "keep"
    taken = "kept" if keeps else "left out"
    evidence = f"faces marked as invalid are {taken} (--assume invalid=exclude|keep)"
    return build_dataset(images, names=[NAME], evidence=[evidence])


def _is_list(head: bytes) -> bool:
    lines = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").splitlines()
    names = list(takewhile(lambda line: is_image_name(line.strip()), lines))
    following = lines[len(names) : len(names) + 2]  # those of the last image with such a name
    if not names or len(following) < 2:
        return False
    cells = following[1].split()
    return _is_count(following[0]) and len(cells) >= 4 and all(map(_is_number, cells[:4]))


def _is_count(line: str) -> bool:
    text = line.strip()
    return text.isascii() and text.isdigit() and len(text) < 10


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class _ListReader:
    """Reads one list; what is not a face goes to the ledger."""

    def __init__(
        self, path: Path, layout: SourceLayout, options: ReadOptions, ledger: Ledger
    ) -> None:
        self._path = path
        self._ledger = ledger
        self._keeps_invalid = options.assume.get("invalid") == "keep"
        self._split = layout.split_of(path, holds_set=True)
        words = path.stem.split("_")
        subset = f"WIDER_{words[2] if len(words) > 2 else self._split}"
        roots = layout.subset_roots(path, subset) or layout.image_roots(path, self._split)
        self._source = SourceFile(str(path), "line", roots)
        self._images: dict[str, ImageRows] = {}

    def read(self) -> Iterator[ImageRows]:
        """Return the images."""
        lines = read_lines(self._path)
        if not lines or not is_image_name(lines[0][1]):
            self._fail("the first line does not name an image", lines[0][0] if lines else 1)
        starts = [at for at, (_, text) in enumerate(lines) if is_image_name(text)]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            self._read_image(lines[start], lines[start + 1 : end])
        return iter(self._images.values())

    def _read_image(self, head: tuple[int, str], lines: Sequence[tuple[int, str]]) -> None:
        line, name = head
        if name in self._images:
            message = f"{name} is listed more than once; its faces were joined"
            self._ledger.note(self._source, line, "duplicate-image", message)
        else:
            record = ImageRecord(name, None, None, self._split, None, self._source)
            self._images[name] = ImageRows(record)
        if not lines:
            return
        at, text = lines[0]
        if not _is_count(text):
            self._fail(f"the number of faces belongs here, not {text[:40]!r}", at)
        count, rows = int(text), lines[1:]
        if (
            count == 0
            and len(rows) == 1
            and not any(cell.strip("0") for cell in rows[0][1].split())
        ):
            return  # the row of zeros that an image without faces has
        if len(rows) != count:
            faces = counted(count, "face is", "faces are")
            self._fail(
                f"{faces} stated, and {counted(len(rows), 'row follows', 'rows follow')}", at
            )
        for number, row in rows:
            self._read_row(row.split(), number, self._images[name])

    def _fail(self, message: str, line: int) -> None:
        raise DataError(message, path=self._path, line=line)

    def _read_row(self, cells: list[str], line: int, rows: ImageRows) -> None:
        self._ledger.see(1)
        name = cells.pop() if len(cells) in (5, 11) else NAME
        if len(cells) < 4 or not all(_is_number(cell) for cell in cells[:4]):
            message = f"the row does not begin with four numbers: {' '.join(cells)[:80]}"
            self._ledger.record(self._source, line, "dropped", "bad-row", message)
        elif len(cells) > _INVALID and cells[_INVALID] == "1" and not self._keeps_invalid:
            message = "the face is marked as invalid"
            self._ledger.record(self._source, line, "excluded", "invalid", message)
        else:
            left, top, width, height = (float(cell) for cell in cells[:4])
            rows.add(name, line, (left, top, left + width, top + height))
