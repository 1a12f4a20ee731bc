"""One image file."""

from __future__ import annotations

from pathlib import Path

from yolokit.runtime.images import is_image_name
from yolokit.runtime.source import FrameSource, StillImages, no_such_path


def matches(uri: str) -> bool:
    """Tell whether ``uri`` names one image; it need not exist."""
    path = Path(uri)
    return "://" not in uri and is_image_name(path) and not path.is_dir() and not _is_pattern(path)


def open(uri: str) -> FrameSource:  # noqa: A001 - every source has matches() and open()
    """Return the image as a source of one frame.

    Raises:
        DataError: The file does not exist.
    """
    path = Path(uri)
    if not path.is_file():
        raise no_such_path(uri)
    return StillImages(uri, path.parent, (path,))


def _is_pattern(path: Path) -> bool:
    """A name with wildcards is a pattern, unless a file really has that name."""
    return any(sign in str(path) for sign in "*?[") and not path.exists()
