"""What kind of file a path is: reading a pipe or a device may never end."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def why_no_file(path: str | Path) -> str | None:
    """Return why a path is not a regular file; None where it is one.

    It is neither opened nor read; links are followed.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a str or a Path
    except FileNotFoundError as error:
        if os.path.islink(path):  # noqa: PTH114 - a str or a Path
            return "is a broken link"
        return f"cannot be read: {error.strerror}"
    except (OSError, ValueError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if stat.S_ISREG(mode):
        return None
    kind = next((name for fits, name in _KINDS if fits(mode)), "something else")
    return f"is {kind}, not a file"


def is_folder(path: str | Path) -> bool:
    """Tell whether a path is a folder; one that cannot be looked at is not."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir raises where a name is too long


def is_there(path: str | Path) -> bool:
    """Tell whether there is anything of that name, broken links included."""
    try:
        return os.path.lexists(path)
    except ValueError:  # characters that no file name has
        return False


def identity_of(path: str | Path) -> tuple[int, int] | None:
    """Return what identifies a file or folder, links followed; None if it does not exist."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a str or a Path
    except (OSError, ValueError):  # it is not there, or no path could be that
        return None
    return status.st_dev, status.st_ino
