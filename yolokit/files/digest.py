"""What a file was when it was checked, so that whoever loads it can compare."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from yolokit.errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

MAX_WEIGHTS_BYTES = 4 << 30  # the largest of the catalog has a tenth of it
_CHUNK_BYTES = 1 << 20


class FileDigest(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a file, in short.

    Attributes:
        sha256: 64 hexadecimal digits.
        size_bytes: Its size.
    """

    sha256: str
    size_bytes: int


def digest_weights(path: Path) -> FileDigest:
    """Hash a file of weights, which must be a plain file; see :func:`digest_file`."""
    return digest_file(path, most_bytes=MAX_WEIGHTS_BYTES, kind="weights")


def digest_file(path: Path, *, most_bytes: int, kind: str) -> FileDigest:
    """Hash a plain file that is not trusted to end.

    Args:
        path: The file.
        most_bytes: Larger than any file of its kind.
        kind: What it is a file of, in words.

    Raises:
        WeightsError: It cannot be read, or is larger than any of its kind, which some files of the
            system are without end.
    """
    found, size = hashlib.sha256(), 0
    try:
        if path.stat().st_size > most_bytes:
            raise _too_large(path, most_bytes, kind)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > most_bytes:
                    raise _too_large(path, most_bytes, kind)
                found.update(chunk)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    return FileDigest(sha256=found.hexdigest(), size_bytes=size)


def _too_large(path: Path, most_bytes: int, kind: str) -> WeightsError:
    return WeightsError(f"{path} is not a file of {kind}: it has more than {most_bytes:,} bytes")
