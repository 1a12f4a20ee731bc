"""A text file with the path of one image or video a line."""

from __future__ import annotations

import codecs
import itertools
import os
import re
from pathlib import Path

from yolokit.errors import DataError
from yolokit.files.regular_file import is_there, why_no_file
from yolokit.runtime.source import (
    FrameSource,
    StillImages,
    Unreadable,
    is_video_name,
    names_file,
    open_video,
    require_path,
)


def matches(uri: str) -> bool:
    """Tell whether ``uri`` names a text file; it need not exist."""
    return Path(uri).suffix.lower() == ".txt" and names_file(uri)


def open(uri: str) -> list[FrameSource]:  # noqa: A001 - every source has matches() and open()
    """Return what the file lists, in its order; images that follow one another are one source.

    Relative paths start at the list file's folder. Empty lines and comments (``#``) are left out.
    A path that does not exist keeps its place and becomes a FrameError when its turn comes.

    Raises:
        DataError: The file does not exist, is not text, or lists nothing.
    """
    path = require_path(uri)
    lines = [line for line in _read_lines(path) if not _is_comment(line, path.parent)]
    if not lines:
        raise DataError("the file lists no image", path=uri)
    sources: list[FrameSource] = []
    for is_still, group in itertools.groupby(lines, _is_still):
        if is_still:
            images = tuple(path.parent / line for line in group)
            sources.append(StillImages(uri, path.parent, images))
        else:
            sources += [_open_other(line, path.parent) for line in group]
    return sources


def _is_still(line: str) -> bool:
    return "://" not in line and not is_video_name(Path(line))


def _open_other(line: str, folder: Path) -> FrameSource:
    if "://" in line:
        return Unreadable(line, folder, "only files are read, no addresses")
    return open_video(str(folder / line))


def _is_comment(line: str, folder: Path) -> bool:
    return line.startswith("#") and not is_there(folder / line)


def _read_lines(path: Path) -> list[str]:
    reason = why_no_file(path)
    if reason is not None:
        raise DataError(reason, path=path)
    try:
        text = _decode(path.read_bytes())
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", path=path) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    return [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]


def _decode(content: bytes) -> str:
    """Return text; bytes that are not UTF-8 are taken as the file names that they are."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\0" in content:
            raise
        return os.fsdecode(content)
