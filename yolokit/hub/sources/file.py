"""``file:``: a regular file of this machine, e.g. on a share that holds a mirror."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import url2pathname

from yolokit.files.atomic import open_at_once
from yolokit.hub.source import SourceError, Stream
from yolokit.hub.urls import split_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from yolokit.hub.source import Limits

IS_LOCAL = True
_CHUNK_BYTES = 1 << 20


def check_url(url: str) -> None:
    """Refuse an address that names no absolute path of this machine."""
    _path(url)


@contextlib.contextmanager
def open_stream(
    url: str, *, offset_bytes: int, validator: str | None, limits: Limits
) -> Iterator[Stream]:
    """Open a file at an offset, or at 0 where it has changed."""
    del limits
    path = _path(url)
    with contextlib.ExitStack() as stack:
        try:
            stream = stack.enter_context(open(path, "rb", opener=open_at_once))
            state = os.fstat(stream.fileno())
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}") from error
        if not stat.S_ISREG(state.st_mode):
            raise SourceError("is not a regular file")
        now = f"{state.st_dev}-{state.st_ino}-{state.st_size}-{state.st_mtime_ns}"
        start = offset_bytes if validator in (None, now) and offset_bytes <= state.st_size else 0
        yield Stream(_read(stream, start, state.st_size), start, state.st_size, now)


def _read(stream: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes up to the size that was stated, also if the file grows meanwhile."""
    try:
        stream.seek(start)
        left = end - start
        while left > 0 and (chunk := stream.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}") from error


def _path(url: str) -> Path:
    parts = split_url(url)
    if parts.netloc not in ("", "localhost"):
        raise SourceError(f"file: names a file of this machine, not of {parts.netloc!r}")
    path = Path(url2pathname(parts.path))
    if not path.is_absolute() or "\x00" in str(path):
        raise SourceError("is not an absolute path: file:///folder/file")
    return path
