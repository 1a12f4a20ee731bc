"""One image file."""

from __future__ import annotations

from pathlib import Path

from yolokit.images.files import is_image_name
from yolokit.runtime.source import FrameSource, StillImages, names_file, require_path


def matches(uri: str) -> bool:
    """Tell whether ``uri`` names one image; it need not exist."""
    return is_image_name(Path(uri)) and names_file(uri)


def open(uri: str) -> list[FrameSource]:  # noqa: A001 - every source has matches() and open()
    """Return the image as a source of one frame.

    Raises:
        DataError: The file does not exist.
    """
    path = require_path(uri)
    return [StillImages(uri, path.parent, (path,))]
