"""All images in a folder and the folders within it."""

from __future__ import annotations

import os
from pathlib import Path

from yolokit.errors import DataError
from yolokit.runtime.images import is_image_name
from yolokit.runtime.source import FrameSource, StillImages, natural_order


def matches(uri: str) -> bool:
    """Tell whether ``uri`` is a folder."""
    return Path(uri).is_dir()


def open(uri: str) -> FrameSource:  # noqa: A001 - every source has matches() and open()
    """Return the folder's images in natural order; hidden files and folders are left out.

    Raises:
        DataError: The folder cannot be read, or holds no image.
    """
    root = Path(uri)
    found: list[Path] = []
    for folder, subfolders, names in os.walk(root, onerror=_refuse):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        found += [
            Path(folder, name)
            for name in names
            if not name.startswith(".") and is_image_name(Path(name))
        ]
    if not found:
        raise DataError(
            "the folder holds no image",
            path=uri,
            hint="videos are named one by one, or by a pattern such as 'clips/*.mp4'",
        )
    return StillImages(uri, root, tuple(sorted(found, key=natural_order)))


def _refuse(error: OSError) -> None:
    raise DataError(f"cannot be read: {error.strerror}", path=error.filename) from error
