"""``images.sha256``: the content of each image of a run, so that one that changed is named.

Its lines are those of ``sha256sum``; names begin with the split, so that they hold wherever the
data set lies.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from yolokit.errors import DataError
from yolokit.files.atomic import write_atomic
from yolokit.files.size_limits import read_bounded

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.datasets.check import DatasetReport

HASHES_FILE = "images.sha256"


def encode_hashes(data: DatasetReport) -> bytes:
    """Return the content of the file, sorted."""
    lines = sorted(f"{sha256}  {name}\n" for name, sha256 in data.hashes)
    return "".join(lines).encode()


def hash_images(data: DatasetReport) -> str:
    """Return the sha256 over the content of all images, which is that of the file."""
    return hashlib.sha256(encode_hashes(data)).hexdigest()


def write_hashes(data: DatasetReport, run_dir: Path) -> None:
    """Write the file, in one step."""
    write_atomic(run_dir / HASHES_FILE, encode_hashes(data))


def list_changed(data: DatasetReport, run_dir: Path) -> list[str]:
    """Return the names of images that are not as the file of a run has them.

    None are known where the file is not there, or not readable.
    """
    try:
        before = read_bounded(run_dir / HASHES_FILE).decode()
    except (OSError, DataError, UnicodeDecodeError):
        return []
    differing = set(before.splitlines()) ^ set(encode_hashes(data).decode().splitlines())
    return sorted({line.partition("  ")[2] for line in differing})
