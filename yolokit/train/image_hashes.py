"""``images.sha256``: the content of each image of a run, so that one that changed is named.

Its lines are those of ``sha256sum``; names begin with the split, so that they hold wherever the
data set lies.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.datasets.read_facts import TRAINED_ON
from yolokit.datasets.splits import list_split_images
from yolokit.errors import DataError
from yolokit.files.atomic import write_atomic
from yolokit.files.regular_file import why_no_file
from yolokit.files.size_limits import read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yolokit.datasets.check import DatasetReport
    from yolokit.datasets.data_yaml import DataYaml

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
    before = _read_content(run_dir)
    if not before:
        return []
    differing = set(_split(before)) ^ set(_split(encode_hashes(data).decode()))
    return sorted({line.partition("  ")[2] for line in differing})


def read_hashes(run_dir: Path, sha256: str | None) -> dict[str, str] | None:
    """Return the hash of each image by its name, from the file of a run.

    Args:
        run_dir: Folder of the run.
        sha256: What the file is by the run's record.

    Returns:
        None where the file is not there, not readable or another one.
    """
    content = _read_content(run_dir)
    if hashlib.sha256(content.encode()).hexdigest() != sha256:
        return None
    parts = (line.partition("  ") for line in _split(content))
    return {name: digest for digest, _, name in parts}


def find_changed(
    data: DataYaml,
    hashes: Mapping[str, str],
    hash_file: Callable[[Path], str],
    *,
    on_progress: Callable[[int], None],
) -> list[str]:
    """Return the names of images that are other ones now, or gone.

    Args:
        data: The data set as it is now.
        hashes: Those of its images as they were, by name.
        hash_file: Returns the sha256 of a file.
        on_progress: Called with the number of images compared.

    Raises:
        DataError: The images cannot be listed.
    """
    paths = {
        f"{split}/{image.name}": Path(image.path)
        for split in TRAINED_ON
        if split in data.splits
        for image in list_split_images(data, split)
    }
    changed = []
    for done, (name, sha256) in enumerate(sorted(hashes.items()), start=1):
        path = paths.get(name)
        if path is None or why_no_file(path) is not None or hash_file(path) != sha256:
            changed.append(name)
        on_progress(done)
    return changed


def _read_content(run_dir: Path) -> str:
    """Return what the file holds; nothing where it is not there, or not readable."""
    try:
        return read_bounded(run_dir / HASHES_FILE).decode()
    except (OSError, DataError, UnicodeDecodeError):
        return ""


def _split(content: str) -> list[str]:
    return content.split("\n")[:-1]
