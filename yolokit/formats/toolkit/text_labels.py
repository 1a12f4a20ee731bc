"""Sets of one text file an image: which files those are, and the images that they belong to."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar
from unicodedata import normalize

import msgspec

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.images.listing import walk_images
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, LabelledImage, SourceFile

_Content = TypeVar("_Content")
_Row = TypeVar("_Row")

_SNIFFED_FILES = 100
_SNIFFED_LINES = 50
_MAX_NAME_LENGTH = 80
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class LabelFile(msgspec.Struct, frozen=True):
    """One file of labels.

    Attributes:
        path: The file.
        image_name: Its image's name in the set; without a suffix if the image is not there.
        split: By the folders that it is in, or None.
        source: Its name in messages.
        is_certain: It lies in a folder of labels, belongs to an image or was asked for by name:
            what it holds are labels, right or wrong. Any other file may be something else.
    """

    path: Path
    image_name: str
    split: str | None
    source: SourceFile
    is_certain: bool


class LabelFolders:
    """Finds the label files of a source, and the image of each by the same name.

    Args:
        source: A label file, or a folder with all below it.
        images: Where images lie if they are elsewhere.
        label_names: Matches the names of folders that hold labels.
        image_names: Names of the folders of images beside those, where they are the format's own.
    """

    def __init__(
        self,
        source: Path,
        images: Path | None,
        label_names: re.Pattern[str],
        image_names: Sequence[str] = (),
    ) -> None:
        self._source = source
        self._layout = SourceLayout(source, images)
        self._label_names = label_names
        self._image_names = image_names
        self._indices: dict[str, dict[str, str]] = {}
        self._met: dict[str, set[str]] = {}

    def read_each(
        self, read: Callable[[LabelFile], _Content | None], ledger: Ledger
    ) -> list[_Content]:
        """Read the label files, and note the images beside them that have none.

        What ``read`` returns None for are not labels at all.

        Raises:
            DataError: Files are broken, or there is none with labels.
        """
        found = read_each(self._iter_files(), read, "broken label files")
        contents = [content for content in found if content is not None]
        if not contents:
            raise DataError("there are no files with labels in it", path=self._source)
        self._note_unlabelled(ledger)
        return contents

    def _iter_files(self) -> Iterator[LabelFile]:
        tree = SourceTree(self._source)
        return map(self._describe, tree.files() if tree.is_file else tree.files(".txt"))

    def _describe(self, path: Path) -> LabelFile:
        home, is_of_labels = self._home_of(path)
        split = self._layout.split_of(path)
        stem = path.relative_to(home).as_posix().removesuffix(path.suffix)
        roots = self._layout.image_roots(home / "_", split, self._image_names)
        name, roots = self._find_image(stem, roots)
        is_certain = is_of_labels or path == self._source or name != stem
        return LabelFile(path, name, split, SourceFile(str(path), "line", roots), is_certain)

    def _home_of(self, path: Path) -> tuple[Path, bool]:
        """Return the folder below which files are called as images are, and if it is of labels.

        That is the nearest folder of labels, or the source's, or one of a split right in those.
        """
        root = self._layout.root
        home, is_of_labels = root, False
        for folder in path.parents:
            is_of_labels = self._label_names.fullmatch(folder.name) is not None
            if is_of_labels or folder == root:
                home = folder
                break
        of_split = self._layout.split_folder(path)
        return (of_split if of_split.parent == home else home), is_of_labels

    def _find_image(self, stem: str, roots: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Return the image's name, and its folder first among the roots."""
        for root in roots:
            name = self._index(root).get(normalize("NFC", stem))
            if name is not None:
                self._met.setdefault(root, set()).add(name)
                return name, (root, *(other for other in roots if other != root))
        return stem, roots

    def _index(self, root: str) -> dict[str, str]:
        """Return the images of a folder by their names without suffix, in one Unicode form."""
        if root not in self._indices:
            names = walk_images(Path(root)) if os.path.isdir(root) else ()  # noqa: PTH112
            found: dict[str, str] = {}
            for name in names:
                found.setdefault(normalize("NFC", name.rpartition(".")[0]), name)
            self._indices[root] = found
        return self._indices[root]

    def _note_unlabelled(self, ledger: Ledger) -> None:
        """Enter how many images lie beside those that have labels and have no file themselves."""
        for root, met in sorted(self._met.items()):
            rest = sorted(set(self._index(root).values()) - met)
            inside = [
                other[len(root) + 1 :].replace(os.sep, "/") + "/"
                for other in self._met
                if other.startswith(root + os.sep)
            ]
            rest = [name for name in rest if not name.startswith(tuple(inside))]
            if rest:
                images = counted(len(rest), "image")
                message = f"{images} without a label file left out: {rest[0]}"
                more = ", ..." if len(rest) > 1 else ""
                ledger.note(SourceFile(root), None, "no-annotation-file", message + more)


def first_lines(tree: SourceTree) -> Iterator[tuple[Path, list[str]]]:
    """Yield text files and their first lines, without blank ones, to recognise a format by."""
    for file in islice(tree.files(".txt"), _SNIFFED_FILES):
        text = tree.head(file).decode("utf-8-sig", errors="replace")
        yield file, [line.strip() for line in text.splitlines()[:_SNIFFED_LINES] if line.strip()]


def is_like_class_name(text: str) -> bool:
    """Tell whether a text may name a class: it is short and does not begin like a number."""
    return len(text) < _MAX_NAME_LENGTH and re.match(r"[-+.]?\d", text) is None


def read_rows(
    file: LabelFile,
    parse: Callable[[str, int], _Row],
    ledger: Ledger,
    headers: tuple[str, ...] = (),
) -> list[_Row] | None:
    """Return the rows of a label file; those that are broken are entered.

    Args:
        file: The file.
        parse: Reads a line, of the number from 1; its ValueError says why it is broken.
        ledger: Gets the broken ones.
        headers: What lines begin with that are not rows, in lower case.

    Returns:
        None where these are not labels at all.

    Raises:
        DataError: It is not text, though it has to be.
    """
    try:
        lines = read_lines(file.path)
    except DataError:
        if file.is_certain:
            raise
        return None
    rows: list[_Row] = []
    faults: list[tuple[int, str]] = []
    lines = [(at, line) for at, line in lines if not line.lower().startswith(headers)]
    for at, line in lines:
        try:
            rows.append(parse(line, at))
        except ValueError as error:
            faults.append((at, str(error)))
    if not rows and not file.is_certain:
        return None
    ledger.see(len(lines))
    for at, message in faults:
        ledger.record(file.source, at, "dropped", "bad-row", message)
    return rows


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that are not blank, with their numbers from 1.

    Raises:
        DataError: It cannot be read, is too large or is not UTF-8 text.
    """
    try:
        data = read_bounded(path)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError("this is not UTF-8 text", path=path, line=line) from error
    lines = enumerate(re.split(r"\r\n|\r|\n", text), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def read_size(texts: Sequence[str]) -> tuple[int, int] | tuple[None, None]:
    """Return width and height in px from their texts, or twice None where they are not usable."""
    try:
        width_px, height_px = (int(float(text)) for text in texts)
    except (ValueError, OverflowError):
        return None, None
    return (width_px, height_px) if min(width_px, height_px) > 0 else (None, None)


def check_class_names(names: Sequence[str], title: str) -> None:
    """Refuse to write class names that would break a line of text.

    Raises:
        DataError: A name holds a control character or half of a character.
    """
    for name in names:
        if _CONTROL.search(name) is not None:
            raise DataError(f"{title} cannot hold the class name {name!r}")


def write_label_files(
    dataset: Dataset,
    folder: Path,
    label_folder: str,
    format_rows: Callable[[LabelledImage, Sequence[str]], Iterable[str]],
) -> None:
    """Write a text file for each image into the folder ``label_folder`` of its split.

    Its lines are what ``format_rows`` returns for the image and the names of the classes.
    """
    for labelled in dataset.iter_images():
        stem, _, suffix = labelled.image.file_name.rpartition(".")
        name = stem if stem and "/" not in suffix else labelled.image.file_name
        path = folder.joinpath(labelled.image.split or "", label_folder, *f"{name}.txt".split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(format_rows(labelled, dataset.names))
        path.write_text(text, encoding="utf-8", newline="\n")


def write_number(value: float) -> str:
    """Write a coordinate with at most three digits after the point, none where it is whole."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
