"""Images and videos that a glob pattern names, for shells that do not expand one themselves."""

from __future__ import annotations

import glob
from pathlib import Path

from yolokit.files.regular_file import is_folder
from yolokit.runtime.source import FrameSource, has_wildcard, open_files


def matches(uri: str) -> bool:
    """Tell whether ``uri`` holds wildcards, and is not a path that really has such a name."""
    return "://" not in uri and has_wildcard(uri)


def open(uri: str) -> list[FrameSource]:  # noqa: A001 - every source has matches() and open()
    """Return the images, then the videos that the pattern names; ``**`` crosses folders.

    Raises:
        DataError: It names neither.
    """
    named = [Path(name) for name in glob.glob(uri, recursive=True)]  # noqa: PTH207 - absolute too
    files = [path for path in named if not is_folder(path)]
    return open_files(uri, _fixed_folder(uri), files, what="pattern")


def _fixed_folder(pattern: str) -> Path:
    """Return the folder before the first wildcard: the names below it are kept in outputs."""
    folder = Path(pattern)
    while any(sign in str(folder) for sign in "*?["):
        folder = folder.parent
    return folder
