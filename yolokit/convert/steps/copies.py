"""Files of a set that hold the same bytes as another one, under another name."""

from __future__ import annotations

import filecmp
import hashlib
import os
from typing import TYPE_CHECKING

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_COPIES = 1000
_PROBE_BYTES = 4096


class Copies:
    """Counts files that hold the bytes of another one, under another name."""

    def __init__(self) -> None:
        self._first: dict[int, str | None] = {}  # by size; None once it was probed
        self._probed: dict[tuple[int, bytes], str] = {}
        self._found: list[tuple[str, str]] = []

    def add(self, path: str) -> None:
        """Look at a file; none is given twice."""
        if len(self._found) == _MOST_COPIES:
            return
        size_bytes = os.stat(path).st_size  # noqa: PTH116 - hot path
        first = self._first.setdefault(size_bytes, path)
        if first == path:
            return
        if first is not None:
            self._probed[size_bytes, _probe(first, size_bytes)] = first
            self._first[size_bytes] = None
        like = self._probed.setdefault((size_bytes, _probe(path, size_bytes)), path)
        if like != path and are_same(like, path):
            self._found.append((like, path))

    def tell(self) -> Iterator[str]:
        """Yield how many there are."""
        if not self._found:
            return
        like, path = self._found[0]
        count = counted(len(self._found), "picture is", "pictures are")
        least = "at least " if len(self._found) == _MOST_COPIES else ""
        yield (
            f"{least}{count} byte for byte the same as another of the set, such as {path} and "
            f"{like} (in splits that are made, --group near-duplicate keeps them together)"
        )


def _probe(path: str, size_bytes: int) -> bytes:
    """Return a hash of the beginning, the middle and the end of a file."""
    with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - hot path
        content = stream.read(_PROBE_BYTES)
        if size_bytes > _PROBE_BYTES:
            for place in (size_bytes // 2, size_bytes - _PROBE_BYTES):
                stream.seek(place)
                content += stream.read(_PROBE_BYTES)
    return hashlib.blake2b(content, digest_size=16).digest()


def are_same(first: str, second: str) -> bool:
    """Tell whether two files hold the same bytes."""
    return first == second or filecmp.cmp(first, second, shallow=False)
