"""Text files of label rows, recognised by how they begin: numbers, after a class or its name."""

from __future__ import annotations

import re

_ROW = re.compile(r"(\S+\s+)?([-+]?[0-9.]+(e[-+]?[0-9]+)?\s+){3,}[-+]?[0-9.]+", re.IGNORECASE)
_LINES = 3  # DOTA's rows have two lines of words before them
_HEAD_BYTES = 4096


def begins_with_rows(head: bytes) -> bool:
    """Tell whether a text of any format of rows begins so."""
    return any(_ROW.match(line) is not None for line in first_lines(head))


def first_lines(head: bytes) -> list[str]:
    """Return the first lines of a text that are not blank."""
    lines = head[:_HEAD_BYTES].decode("utf-8-sig", errors="replace").split("\n")
    return [line.strip() for line in lines if line.strip()][:_LINES]


def read_beginning(path: str) -> bytes:
    """Return what is needed of a file; nothing if it cannot be read."""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123 - hot path
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""
