"""One video file."""

from __future__ import annotations

from pathlib import Path

from yolokit.files.regular_file import is_folder
from yolokit.runtime.source import (
    FrameSource,
    has_wildcard,
    is_video_name,
    open_video,
    require_path,
)


def matches(uri: str) -> bool:
    """Tell whether ``uri`` names one video file; it need not exist."""
    path = Path(uri)
    return (
        "://" not in uri and is_video_name(path) and not is_folder(path) and not has_wildcard(uri)
    )


def open(uri: str) -> list[FrameSource]:  # noqa: A001 - every source has matches() and open()
    """Return the first video stream of the file.

    Raises:
        DataError: The file does not exist.
    """
    require_path(uri)
    return [open_video(uri)]
