"""Which files are images, and which files lie below a folder."""

from __future__ import annotations

import os
import stat
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from yolokit.errors import DataError
from yolokit.files.atomic import inside
from yolokit.files.file_kind import tell_image
from yolokit.files.regular_file import identity_of
from yolokit.images.byte_range import Span, read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".dng", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif"}
    | {".tiff", ".webp"}
)
"""Lower-case suffixes that ultralytics takes as images (its ``IMG_FORMATS``)."""


def is_image_name(name: str) -> bool:
    """Tell by the suffix whether a file is an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - hot path


def suffix_of(head: bytes) -> str | None:
    """Return the suffix for an image that begins so, None if it is of no kind that has one."""
    kind = tell_image(head)
    return None if kind is None else kind.suffix


def suffix_of_file(path: str, span: Span | None = None) -> str | None:
    """Return the suffix for an image file, or for a part of one.

    Raises:
        OSError: It cannot be read.
    """
    return suffix_of(read_bytes(path, Span(span.offset_bytes if span else 0, 16)))


def walk_images(folder: Path) -> Iterator[str]:
    """Yield the images below a folder as names with ``/``, sorted, hidden ones left out."""
    for name in walk_files(folder):
        if is_image_name(name):
            yield name


def walk_files(folder: Path) -> Iterator[str]:
    """Yield the files below a folder as names with ``/``, sorted, hidden ones left out.

    Links to folders are followed after everything else, each folder is listed once, and a link to
    a folder that all this lies in is not followed. Pipes, sockets and devices are left out:
    reading one may never end.

    Raises:
        DataError: A folder is closed to this user; what it holds would be lost silently.
    """
    root = os.fspath(folder)
    listed, around = set[tuple[int, int]](), _around(root)
    starts = deque([""])  # the folder itself, then the links to folders that are met
    while starts:
        waiting = [starts.popleft()]
        while waiting:
            prefix = waiting.pop()
            path = os.path.join(root, prefix)  # noqa: PTH118 - hot path
            identity = identity_of(path)
            if identity is None or identity in listed or (prefix and identity in around):
                continue
            listed.add(identity)
            found = _list_folder(path)
            for name in found.files:
                yield prefix + name
            waiting += [f"{prefix}{name}/" for name in reversed(found.folders)]
            starts += [f"{prefix}{name}/" for name in found.links]


class _Listing(NamedTuple):
    """What a folder holds, each sorted: files, folders, and links to folders."""

    files: list[str]
    folders: list[str]
    links: list[str]


def _list_folder(path: str) -> _Listing:
    """Return what is in a folder; nothing if it does not exist."""
    found = _Listing([], [], [])
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found.folders.append(entry.name)
                elif entry.is_file(follow_symlinks=False):
                    found.files.append(entry.name)
                elif entry.is_symlink():
                    kind = _kind_of(entry.path)
                    if kind is None or stat.S_ISREG(kind):  # a broken link is reported later
                        found.files.append(entry.name)
                    elif stat.S_ISDIR(kind):
                        found.links.append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return _Listing([], [], [])
    except OSError as error:
        raise DataError(f"cannot list the folder: {error.strerror}", path=path) from error
    return _Listing(*(sorted(names) for names in found))


def _kind_of(link: str) -> int | None:
    """Return the mode of what a link points to, None if it is broken."""
    try:
        return os.stat(link).st_mode  # noqa: PTH116 - hot path
    except OSError:
        return None


def _around(root: str) -> set[tuple[int, int] | None]:
    """Return the folders that a folder lies in: from each of them a walk would come back to it."""
    return {identity_of(os.fspath(folder)) for folder in Path(os.path.realpath(root)).parents}


def is_absolute_anywhere(name: str) -> bool:
    """Tell whether a name is absolute on this or on any other system."""
    return name.startswith(("/", "\\")) or (name[1:2] == ":" and name[0].isalpha())


def climbs_out(name: str) -> bool:
    """Tell whether a relative name climbs out of its folder, or is not a name."""
    if ".." not in name and "\x00" not in name:
        return False
    return not is_absolute_anywhere(name) and inside(Path(), name) is None
