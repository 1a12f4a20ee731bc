"""A text file with one image path a line."""

from __future__ import annotations

from pathlib import Path

from yolokit.errors import DataError
from yolokit.runtime.source import FrameSource, StillImages, has_wildcard, no_such_path


def matches(uri: str) -> bool:
    """Tell whether ``uri`` names a text file; it need not exist."""
    path = Path(uri)
    is_text = path.suffix.lower() == ".txt" and not path.is_dir()
    return "://" not in uri and is_text and not has_wildcard(uri)


def open(uri: str) -> list[FrameSource]:  # noqa: A001 - every source has matches() and open()
    """Return the images that the file lists, in its order; empty lines are left out.

    Relative paths start at the list file's folder. A path that does not exist keeps its place
    and becomes a FrameError when its turn comes.

    Raises:
        DataError: The file does not exist, is no UTF-8 text, or lists nothing.
    """
    path = Path(uri)
    if not path.is_file():
        raise no_such_path(uri)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError("a list of images must be UTF-8 text", path=uri) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=uri) from error
    listed = tuple(path.parent / line.strip() for line in lines if line.strip())
    if not listed:
        raise DataError("the file lists no image", path=uri)
    return [StillImages(uri, path.parent, listed)]
