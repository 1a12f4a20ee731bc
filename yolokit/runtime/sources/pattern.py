"""Images that a glob pattern names, for shells that do not expand one themselves."""

from __future__ import annotations

import glob
from pathlib import Path

from yolokit.errors import DataError
from yolokit.runtime.images import is_image_name
from yolokit.runtime.source import FrameSource, StillImages, natural_order

_SIGNS = "*?["


def matches(uri: str) -> bool:
    """Tell whether ``uri`` holds wildcards, and is no file that really has such a name."""
    return "://" not in uri and any(sign in uri for sign in _SIGNS) and not Path(uri).exists()


def open(uri: str) -> FrameSource:  # noqa: A001 - every source has matches() and open()
    """Return the images that the pattern names, in natural order; ``**`` crosses folders.

    Raises:
        DataError: It names no image.
    """
    named = [Path(name) for name in glob.glob(uri, recursive=True)]  # noqa: PTH207 - absolute too
    images = sorted((p for p in named if p.is_file() and is_image_name(p)), key=natural_order)
    if not images:
        what = "images" if not named else f"images among its {len(named)} files and folders"
        raise DataError(f"the pattern names no {what}", path=uri)
    return StillImages(uri, _fixed_folder(uri), tuple(images))


def _fixed_folder(pattern: str) -> Path:
    """Return the folder before the first wildcard: the names below it are kept in outputs."""
    folder = Path(pattern)
    while any(sign in str(folder) for sign in _SIGNS):
        folder = folder.parent
    return folder
