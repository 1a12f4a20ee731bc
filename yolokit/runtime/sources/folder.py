"""All images and videos in a folder and the folders within it."""

from __future__ import annotations

import os
from pathlib import Path

from yolokit.errors import DataError
from yolokit.files.regular_file import is_folder
from yolokit.runtime.source import FrameSource, Unreadable, open_files


def matches(uri: str) -> bool:
    """Tell whether ``uri`` is a folder."""
    return is_folder(uri)


def open(uri: str) -> list[FrameSource]:  # noqa: A001 - every source has matches() and open()
    """Return the folder's images, then its videos, each in natural order.

    Hidden files and folders are left out; links to folders are not followed. Pipes, devices,
    broken links and closed folders within it keep a place, and become a FrameError.

    Raises:
        DataError: The folder cannot be read, or there is neither image nor video.
    """
    found: list[Path] = []
    linked: list[str] = []
    closed: list[OSError] = []
    for folder, subfolders, names in os.walk(uri, onerror=closed.append):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        linked += [name for name in subfolders if Path(folder, name).is_symlink()]
        found += [Path(folder, name) for name in names if not name.startswith(".")]
    refused = [_unreadable(error, Path(uri)) for error in closed]
    remarks = [f"linked folders are not followed: {', '.join(linked)}"] if linked else []
    return [*open_files(uri, Path(uri), found, what="folder", remarks=remarks), *refused]


def _unreadable(error: OSError, root: Path) -> Unreadable:
    reason = f"cannot be read: {error.strerror}"
    if Path(error.filename) == root:
        raise DataError(reason, path=error.filename) from error
    return Unreadable(str(error.filename), root, reason)
