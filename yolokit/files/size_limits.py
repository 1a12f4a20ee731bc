"""Limits of text files: what no tool writes is refused before it fills the memory."""

from __future__ import annotations

import stat
from typing import IO, TYPE_CHECKING, AnyStr

from yolokit.errors import DataError
from yolokit.files.file_kind import POINTER, POINTER_STARTS
from yolokit.files.regular_file import why_no_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_START_BYTES = 32
MAX_TEXT_BYTES = 1 << 30
"""A larger file is not read, where it would be held in memory as a whole."""

MAX_LINE = 1 << 26
"""A longer line, in bytes or characters, is not read from a file that is read by lines."""


def check_size(path: str | Path, size_bytes: int) -> None:
    """Refuse a file that is too large to be held in memory.

    Raises:
        DataError: It is larger than 1 GiB.
    """
    if size_bytes > MAX_TEXT_BYTES:
        raise DataError(
            f"the file has {size_bytes / 1e9:.1f} GB; no such file of labels has more than "
            f"{MAX_TEXT_BYTES / 1e9:.1f} GB",
            path=path,
        )


def refuse_pointer(data: str | bytes, path: str | Path) -> None:
    """Refuse what git-LFS leaves where a file was not fetched: its lines are not annotations.

    Raises:
        DataError: It is a pointer.
    """
    head = data[:_START_BYTES]
    if (head.encode() if isinstance(head, str) else head).startswith(POINTER_STARTS):
        raise DataError(f"this is {POINTER.name}", path=path, hint=POINTER.hint)


def read_bounded(path: Path) -> bytes:
    """Return the content of a text file that is held in memory as a whole.

    Raises:
        OSError: It cannot be read.
        DataError: It is not a file, larger than 1 GiB, or git-LFS has not fetched it.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # reading a pipe may never end
        raise DataError(f"it {why_no_file(path)}", path=path)
    check_size(path, status.st_size)
    with path.open("rb", buffering=0) as stream:
        data = stream.readall()
    refuse_pointer(data, path)
    return data


def iter_bounded(stream: IO[AnyStr], path: Path) -> Iterator[AnyStr]:
    """Yield the lines of a stream with their ends.

    Raises:
        DataError: One is longer than any that a tool writes, or git-LFS has not fetched the file.
    """
    number = 0
    while line := stream.readline(MAX_LINE):
        number += 1
        if number == 1:
            refuse_pointer(line, path)
        if len(line) == MAX_LINE:
            what = f"the line is longer than {MAX_LINE // 1_000_000} million characters"
            raise DataError(what, path=path, line=number)
        yield line
