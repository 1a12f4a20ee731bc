"""What a Darknet set consists of: its names by line, and the images of its lists."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from yolokit.core.plural import counted
from yolokit.datasets.splits import resolve_path
from yolokit.errors import DataError
from yolokit.formats.toolkit.image_locator import ImageLocator
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.text_labels import read_lines
from yolokit.images.listing import walk_images
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import SourceFile

_LISTS = {"train": "train", "valid": "val", "val": "val", "test": "test"}


class ListedImage(msgspec.Struct, frozen=True):
    """One image of a set.

    Attributes:
        path: The file, or as the list has it if it is not there.
        name: Its name in the set.
        split: The split whose list names it, or None.
        source: The list, or the folder that was looked through.
        line: In that list.
        is_there: Whether there is such a file.
        labels: Where its labels are, if not where its path leads.
    """

    path: Path
    name: str
    split: str | None
    source: SourceFile
    line: int | None = None
    is_there: bool = True
    labels: Path | None = None


class DarknetSet(msgspec.Struct, frozen=True):
    """A set as its files describe it.

    Attributes:
        names: Line number from 0, which is the class's id, to its name; blank lines have none.
        names_file: The file that has them.
        images: Of all splits, each once.
        evidence: How paths were understood, one sentence each.
    """

    names: dict[int, str]
    names_file: Path
    images: list[ListedImage]
    evidence: tuple[str, ...] = ()


def read_names(path: Path) -> dict[int, str]:
    """Return the names by their line numbers from 0.

    Raises:
        DataError: The file cannot be read, is not text, or holds no name.

    Source: darknet ``data.c:get_labels``: each line is a name, a blank one too.
    """
    names = {number - 1: line for number, line in read_lines(path)}
    if not names:
        raise DataError("there are no names of classes in it", path=path)
    return names


def open_data_file(path: Path, layout: SourceLayout, ledger: Ledger) -> DarknetSet:
    """Read an ``obj.data`` and the files that it names.

    Args:
        path: The file. Its paths are relative to wherever Darknet was started, so they are looked
            for in its folder and the one above, with fewer and fewer leading folders.
        layout: Of the source; no path leads out of its folder.
        ledger: Gets notes about images that are listed twice or not at all.

    Raises:
        DataError: It is not such a file, or it points to nothing.
    """
    return _DataFile(path, layout, ledger).open()


def open_roboflow(files: list[Path], layout: SourceLayout) -> DarknetSet:
    """Read folders of images and labels with a ``_darknet.labels`` in each.

    Raises:
        DataError: The names cannot be read, or differ between the folders.
    """
    names = read_names(files[0])
    found: list[ListedImage] = []
    for file in files:
        if read_names(file) != names:
            raise DataError(f"the names are not those of {files[0]}", path=file)
        split = layout.split_of(file)
        source = SourceFile(str(file.parent))
        found += [
            ListedImage(file.parent / name, name, split, source)
            for name in walk_images(file.parent)
        ]
    return DarknetSet(names, files[0], found)


class _DataFile:
    """The keys of an ``obj.data``, and the paths in it."""

    def __init__(self, path: Path, layout: SourceLayout, ledger: Ledger) -> None:
        self._path = path
        self._root = layout.root
        self._ledger = ledger
        self._images = layout.images
        self._locator = ImageLocator([str(layout.images or layout.root)])
        self._values: dict[str, tuple[int, str]] = {}
        self._moved: list[str] = []
        for line, text in read_lines(path):
            key, equals, value = text.partition("=")
            if equals and not text.startswith(("#", ";")):
                self._values.setdefault(key.strip().lower(), (line, value.strip()))

    def open(self) -> DarknetSet:
        if "names" not in self._values:
            raise DataError("there is no `names = ` in it", path=self._path)
        names_file = self._find("names")
        names = read_names(names_file)
        self._check_count(len(names))
        lists: dict[Path, str] = {}
        for key, split in _LISTS.items():
            if key in self._values and self._values[key][1]:
                file = self._find(key)
                if file in lists:
                    message = f"`{key}` is the list of {lists[file]} again, and is left out"
                    line = self._values[key][0]
                    self._ledger.note(SourceFile(str(self._path)), line, "list-twice", message)
                lists.setdefault(file, split)
        if not lists:
            raise DataError("there is neither `train = ` nor `valid = ` in it", path=self._path)
        images = list(self._iter_images(lists))
        self._note_unlisted({image.path for image in images})
        return DarknetSet(names, names_file, images, self._evidence(images))

    def _check_count(self, count: int) -> None:
        line, stated = self._values.get("classes", (None, str(count)))
        if stated != str(count):
            message = f"`classes` is {stated}, but {counted(count, 'name is', 'names are')} given"
            self._ledger.note(SourceFile(str(self._path)), line, "class-count", message)

    def _find(self, key: str) -> Path:
        line, text = self._values[key]
        found = self._resolve(_inner(text))
        if found is None:
            raise DataError(
                f"`{key} = {text}` points to no file",
                path=self._path,
                line=line,
                hint=f"only paths inside {self._root} are followed",
            )
        return found

    def _resolve(self, inner: str) -> Path | None:
        """Find a file: by its whole path from either folder, else by ever less of it from ours."""
        here = self._path.parent
        if not inner:
            return None
        files = [here / inner, here.parent / inner]
        whole = [file for file in files if file.is_relative_to(self._root) and _is_file(file)]
        found = whole[0] if whole else resolve_path(inner, (here,))
        return found if found is not None and _is_file(found) else None

    def _iter_images(self, lists: dict[Path, str]) -> Iterator[ListedImage]:
        met: dict[Path, str] = {}
        yielded: set[Path] = set()
        for file, split in lists.items():
            source = SourceFile(str(file))
            found = list(self._read_list(file, split, source))
            there = [str(image.path.parent) for image in found if image.is_there]
            common = Path(os.path.commonpath(there)) if there else file.parent
            twice = 0
            for image in found:
                other = met.setdefault(image.path, image.split or "")
                if other != split:
                    message = f"{image.name} is listed for {other} and {split}; it goes to {other}"
                    self._ledger.note(source, image.line, "in-two-splits", message)
                elif image.path in yielded:
                    twice += 1
                else:
                    yielded.add(image.path)
                    name = image.path.relative_to(common) if image.is_there else image.path
                    yield msgspec.structs.replace(image, name=name.as_posix())
            if twice:
                lines = counted(twice, "line repeats", "lines repeat")
                message = f"{lines} an image; each is taken once"
                self._ledger.note(source, None, "image-twice", message)

    def _read_list(self, file: Path, split: str, source: SourceFile) -> Iterator[ListedImage]:
        for line, text in read_lines(file):
            inner = _inner(text) or "_"
            found = resolve_path(inner, (self._images,)) if self._images is not None else None
            found = found if found is not None and _is_file(found) else self._resolve(inner)
            if found is None:
                found = self._search(inner, split, source, line)
            if found is not None and not found.as_posix().endswith(inner):
                self._moved.append(text)
            labels = None
            if found is None or self._images is not None:
                labels = self._resolve(inner.rpartition(".")[0] + ".txt")
            path = found or file.parent / inner
            yield ListedImage(path, path.name, split, source, line, found is not None, labels)

    def _search(self, inner: str, split: str, source: SourceFile, line: int) -> Path | None:
        """Look for an image whose name is spelled otherwise than in the list."""
        found = self._locator.find(inner, split=split)
        if found is None:
            return None
        self._ledger.note(source, line, "image-elsewhere", f"{inner}: using {found.path}")
        return Path(found.path)

    def _note_unlisted(self, listed: set[Path]) -> None:
        root = self._path.parent
        rest = [name for name in walk_images(root) if root / name not in listed]
        if rest:
            more = ", ..." if len(rest) > 1 else ""
            are = counted(len(rest), "image is", "images are")
            message = f"{are} in no list and left out: {rest[0]}{more}"
            self._ledger.note(SourceFile(str(self._path)), None, "not-listed", message)

    def _evidence(self, images: list[ListedImage]) -> tuple[str, ...]:
        if not self._moved:
            return ()
        sentence = (
            f"{len(self._moved)} of {counted(len(images), 'path')} did not exist as written, such "
            f"as {self._moved[0]}; leading folders were dropped until a file fitted"
        )
        return (sentence,)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or that no file has
        return False


def _inner(text: str) -> str:
    """Return a path without what makes it absolute or lets it climb."""
    if "\x00" in text:
        return ""
    parts = [part for part in re.split(r"[/\\]+", text) if part not in ("", ".", "..")]
    if parts and re.fullmatch(r"[A-Za-z]:", parts[0]):
        del parts[0]
    return "/".join(parts)
