"""One video file."""

from __future__ import annotations

from pathlib import Path

from yolokit.runtime.source import (
    FrameSource,
    is_video_name,
    names_file,
    open_video,
    require_path,
)


def matches(uri: str) -> bool:
    """Tell whether ``uri`` names one video file; it need not exist."""
    return is_video_name(Path(uri)) and names_file(uri)


def open(uri: str) -> list[FrameSource]:  # noqa: A001 - every source has matches() and open()
    """Return the first video stream of the file.

    Raises:
        DataError: The file does not exist.
    """
    require_path(uri)
    return [open_video(uri)]
