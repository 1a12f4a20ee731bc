"""A source as the formats look at it to recognise it: listed once, each head read once."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from yolokit.annotations.image_files import walk_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEAD_BYTES = 1 << 16


class SourceTree:
    """A file, or a folder with everything below it.

    Args:
        path: It may not exist; then there is nothing in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_file = path.is_file()
        self._heads: dict[Path, bytes] = {}

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
        if file not in self._heads:
            try:
                with file.open("rb") as stream:
                    self._heads[file] = stream.read(_HEAD_BYTES)
            except OSError:
                return b""
        return self._heads[file]
