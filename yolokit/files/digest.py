"""What a file was when it was checked, so that whoever loads it can compare."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from typing import TYPE_CHECKING

import msgspec

from yolokit.errors import WeightsError, YolokitError
from yolokit.files.atomic import open_at_once

if TYPE_CHECKING:
    from pathlib import Path

MAX_WEIGHTS_BYTES = 4 << 30  # the largest of the catalog has a tenth of it
_CHUNK_BYTES = 1 << 20


class FileDigest(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a file, in short: its sha256 as 64 hexadecimal digits, and its size."""

    sha256: str
    size_bytes: int


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_weights(path: Path) -> FileDigest:
    """Hash a file of weights, which must be a plain file; see :func:`digest_file`."""
    return digest_file(path, most_bytes=MAX_WEIGHTS_BYTES, kind="weights", error=WeightsError)


def digest_file(path: Path, *, most_bytes: int, kind: str, error: type[YolokitError]) -> FileDigest:
    """Hash a plain file that is not trusted to end; ``kind`` names in words what it is a file of.

    Raises:
        YolokitError: Of the type ``error``: it cannot be read, or is larger than any of its kind,
            which some files of the system are without end.
    """
    found, size = hashlib.sha256(), 0
    too_large = f"{path} is not a file of {kind}: it has more than {most_bytes:,} bytes"
    try:
        if path.stat().st_size > most_bytes:
            raise error(too_large)
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > most_bytes:
                    raise error(too_large)
                found.update(chunk)
    except OSError as reason:
        raise error(f"cannot read {path}: {reason.strerror}") from reason
    return FileDigest(sha256=found.hexdigest(), size_bytes=size)


def read_weights(path: str | Path, digest: FileDigest | None) -> io.BytesIO:
    """Read a whole file of weights once, into memory, where nobody can change it any more.

    So the bytes that are loaded are those whose hash was checked.

    Args:
        path: The file; checkpoints have some hundred MB at most.
        digest: What it was when it was checked; None for a file that this run wrote itself.

    Raises:
        WeightsError: It cannot be read, or has changed since.
    """
    try:
        with open(path, "rb", opener=open_at_once) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise WeightsError(f"{path} is not a file")
            if digest is not None and status.st_size != digest.size_bytes:
                raise _changed(path)
            content = stream.read(status.st_size)
    except OSError as error:
        raise WeightsError(f"cannot read {path}: {error.strerror}") from error
    if digest is not None and hashlib.sha256(content).hexdigest() != digest.sha256:
        raise _changed(path)
    return io.BytesIO(content)


def _changed(path: str | Path) -> WeightsError:
    return WeightsError(
        f"{path} has changed since it was checked: it is not loaded",
        hint="start again once nothing writes to it any more",
    )
