"""All images and videos in a folder and the folders within it."""

from __future__ import annotations

import os
from pathlib import Path

from yolokit.errors import DataError
from yolokit.runtime.source import FrameSource, open_files


def matches(uri: str) -> bool:
    """Tell whether ``uri`` is a folder."""
    return Path(uri).is_dir()


def open(uri: str) -> list[FrameSource]:  # noqa: A001 - every source has matches() and open()
    """Return the folder's images, then its videos, each in natural order.

    Hidden files and folders are left out; links to folders are not followed.

    Raises:
        DataError: A folder cannot be read, or there is neither image nor video.
    """
    found: list[Path] = []
    for folder, subfolders, names in os.walk(uri, onerror=_refuse):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    sources = open_files(uri, Path(uri), found)
    if not sources:
        raise DataError(f"no image or video among the folder's {len(found)} files", path=uri)
    return sources


def _refuse(error: OSError) -> None:
    raise DataError(f"cannot be read: {error.strerror}", path=error.filename) from error
