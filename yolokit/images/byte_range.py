"""Images inside another file, such as a TFRecord: a range of its bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class Span(msgspec.Struct, frozen=True):
    """Where in a file an image is."""

    offset_bytes: int
    length_bytes: int


def read_bytes(path: str | Path, span: Span | None = None) -> bytes:
    """Return a file's content, or the part of it that a span names; less where that is cut short.

    Raises:
        OSError: It cannot be read.
    """
    with open(path, "rb") as stream:  # noqa: PTH123 - a str or a Path
        if span is None:
            return stream.read()
        stream.seek(span.offset_bytes)
        return stream.read(span.length_bytes)
