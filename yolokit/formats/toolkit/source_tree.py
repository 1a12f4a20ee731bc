"""A source as the formats look at it to recognise it: listed once, each head read once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from heapq import nlargest
from itertools import islice
from pathlib import Path
from typing import TypeVar

from yolokit.errors import DataError
from yolokit.images.listing import is_image_name, walk_files
from yolokit.labels.ledger import join_errors

_File = TypeVar("_File")
_Content = TypeVar("_Content")

HEAD_BYTES = 1 << 16
"""A head that is shorter is the whole file."""

_KEPT_BYTES = 1 << 26
_SAMPLED_FILES = 32


class SourceTree:
    """A file, or a folder with everything below it; in what does not exist there is nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_file = path.is_file()
        self._heads: dict[Path, bytes] = {}
        self._kept_bytes = 0

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The files below the folder, with ``/``, sorted; the file's own name if it is one."""
        if self.is_file:
            return (self.path.name,)
        return tuple(walk_files(self.path)) if self.path.is_dir() else ()

    def files(self, *suffixes: str) -> Iterator[Path]:
        """Yield the files whose names end so, whatever the case; all of them for no suffix."""
        for name in self.names:
            if not suffixes or name.lower().endswith(suffixes):
                yield self.path if self.is_file else self.path.joinpath(*name.split("/"))

    def head(self, file: Path) -> bytes:
        """Return the first 64 KiB of a file, nothing if it cannot be read."""
        if file in self._heads:
            return self._heads[file]
        try:
            with file.open("rb") as stream:
                head = stream.read(HEAD_BYTES)
        except OSError:
            return b""
        if self._kept_bytes + len(head) <= _KEPT_BYTES:  # those of a whole set may be gigabytes
            self._heads[file] = head
            self._kept_bytes += len(head)
        return head

    def first(self, fits: Callable[[bytes], object], *suffixes: str, among: int) -> Path | None:
        """Return the first file whose head fits, if it is among so many first ones."""
        files = islice(self.files(*suffixes), among)
        return next((file for file in files if fits(self.head(file))), None)

    def pick(self, fits: Callable[[bytes], object], *suffixes: str) -> list[Path]:
        """Return the files whose heads fit; one that is pointed to is taken, whatever it holds."""
        if self.is_file:
            return [self.path]
        return [file for file in self.files(*suffixes) if fits(self.head(file))]

    def sample(self) -> SourceTree:
        """Return a tree of fewer files that still shows its format.

        Where a folder has many files of a suffix, most are alike, one an image. Left are the
        first ones, and the largest: one about all images that lies among them is larger.
        """
        alike: dict[tuple[str, str], list[str]] = {}
        for name in self.names:
            folder, _, base = name.rpartition("/")
            _, dot, suffix = base.rpartition(".")
            alike.setdefault((folder, dot + suffix.lower() if dot else ""), []).append(name)
        left = {name for names in alike.values() for name in self._choose(names)}
        tree = SourceTree(self.path)
        tree.names = tuple(name for name in self.names if name in left)
        return tree

    def _choose(self, names: list[str]) -> list[str]:
        """Return the first ones, and the largest where they are not images."""
        if len(names) <= 2 * _SAMPLED_FILES:
            return names
        first, rest = names[:_SAMPLED_FILES], names[_SAMPLED_FILES:]
        if is_image_name(names[0]):
            return first
        return first + nlargest(_SAMPLED_FILES, rest, key=self._size_bytes)

    def _size_bytes(self, name: str) -> int:
        try:
            return os.stat(f"{self.path}/{name}").st_size  # noqa: PTH116 - hot path
        except OSError:
            return 0


def read_each(
    files: Iterable[_File], read: Callable[[_File], _Content], what: str = "broken annotation files"
) -> list[_Content]:
    """Read all files, and report all broken ones at once.

    Args:
        files: In the order of what is returned.
        read: Reads one.
        what: What the broken ones are called in the error, as the end of ``7 ...``.

    Raises:
        DataError: One is broken, or several.
    """
    contents: list[_Content] = []
    broken: list[DataError] = []
    for file in files:
        try:
            contents.append(read(file))
        except DataError as error:
            broken.append(error)
    if broken:
        raise join_errors(broken, what)
    return contents
