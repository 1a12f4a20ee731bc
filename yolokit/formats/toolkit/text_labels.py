"""Sets of one text file an image: which files those are, and the images that they belong to."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

import msgspec

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded
from yolokit.formats.toolkit.layout import nearest_split
from yolokit.images.listing import walk_files, walk_images
from yolokit.labels.model import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import ImageRecord

_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class LabelFile(msgspec.Struct, frozen=True):
    """One file of labels.

    Attributes:
        path: The file.
        image_name: Its image's name in the set; without a suffix if the image is not there.
        split: By the folders that it is in, or None.
        source: Stands for it in messages.
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
        image_names: Names of the folders of images beside those.
    """

    def __init__(
        self,
        source: Path,
        images: Path | None,
        label_names: re.Pattern[str],
        image_names: Sequence[str],
    ) -> None:
        self._source = source
        self._images = images
        self._label_names = label_names
        self._image_names = image_names
        self._indices: dict[str, dict[str, str]] = {}
        self._met: dict[str, set[str]] = {}

    def iter_files(self) -> Iterator[LabelFile]:
        """Yield the ``.txt`` files, in the order of their names."""
        if self._source.is_file():
            yield self._describe(self._source, named=True)
            return
        for name in walk_files(self._source):
            if name.lower().endswith(".txt"):
                yield self._describe(self._source.joinpath(*name.split("/")))

    def _describe(self, path: Path, *, named: bool = False) -> LabelFile:
        root = self._source.parent if named else self._source
        while self._label_names.fullmatch(root.name) and root.parent != root:
            root = root.parent
        folders = list(path.relative_to(root).parts[:-1])
        marks = [at for at, part in enumerate(folders) if self._label_names.fullmatch(part)]
        before = folders[: marks[0]] if marks else []
        inner = folders[marks[-1] + 1 :] if marks else folders
        split = nearest_split(folders)
        group: list[str] = []
        if inner and nearest_split(inner[:1]) and not nearest_split(inner[1:]):
            group, inner = inner[:1], inner[1:]
        stem = "/".join([*inner, path.name[: -len(path.suffix)] if path.suffix else path.name])
        beside = path.parents[len(inner)]
        roots = self._roots(root.joinpath(*before), group, split, beside)
        name, roots = self._find_image(stem, roots)
        is_certain = bool(marks) or named or name != stem
        source = SourceFile(str(path), "line", roots)
        return LabelFile(path, name, split, source, is_certain)

    def _roots(
        self, base: Path, group: list[str], split: str | None, beside: Path
    ) -> tuple[str, ...]:
        """Return where the images of a folder of labels may be, first choice first."""
        below = [*group, *([split] if group and split else [])]
        homes = [base / name for name in self._image_names]
        if self._images is not None:
            here = base.relative_to(self._source) if base.is_relative_to(self._source) else Path()
            top = self._images
            homes = [*(top / here / name for name in self._image_names), top / here, top]
            beside, base = top, top
        folders = [home / name for home in homes for name in below] + [*homes, beside, base]
        around = self._images or (base if self._source.is_file() else self._source)
        return tuple(str(folder) for folder in dict.fromkeys([*folders, around]))

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

    def note_unlabelled(self, ledger: Ledger) -> None:
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


def read_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that are not blank, with their numbers from 1.

    Raises:
        DataError: It cannot be read, is too large or is not UTF-8 text.
    """
    try:
        data = read_bounded(path)
    except OSError as error:
        raise DataError(f"cannot read it: {error.strerror}", path=path) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError("this is not UTF-8 text", path=path, line=line) from error
    lines = enumerate(re.split(r"\r\n|\r|\n", text), 1)
    return [(number, line.strip()) for number, line in lines if line.strip()]


def shorten(text: str) -> str:
    """Return a text for a message, quoted, its end left out if it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def check_class_names(names: Sequence[str], title: str) -> None:
    """Refuse to write class names that would break a line of text.

    Raises:
        DataError: A name holds a control character or half of a character.
    """
    for name in names:
        if _CONTROL.search(name) is not None:
            raise DataError(f"{title} cannot hold the class name {name!r}")


def label_path_of(image: ImageRecord, folder: Path) -> Path:
    """Return where the labels of an image are written, its sub-folders kept; they are made."""
    stem, _, suffix = image.file_name.rpartition(".")
    name = stem if stem and "/" not in suffix else image.file_name
    path = folder.joinpath(*f"{name}.txt".split("/"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_number(value: float) -> str:
    """Write a coordinate with at most three digits after the point, none where it is whole."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
