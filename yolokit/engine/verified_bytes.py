"""Files of weights are read once: the bytes that are loaded are those whose hash was checked."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from typing import TYPE_CHECKING

from yolokit.errors import WeightsError
from yolokit.files.atomic import open_at_once

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.files.digest import FileDigest


def read_weights(path: str | Path, digest: FileDigest | None) -> io.BytesIO:
    """Read a whole file into memory, where nobody can change it any more.

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
