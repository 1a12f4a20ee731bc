"""Which files are images, and where the image that an annotation names lies."""

from __future__ import annotations

import os
import re
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.files import inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {".avif", ".bmp", ".dng", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".mpo", ".png", ".tif"}
    | {".tiff", ".webp"}
)
"""Lower-case suffixes that ultralytics takes as images (its ``IMG_FORMATS``)."""

_DRIVE = re.compile(r"^[A-Za-z]:")


def is_image_name(name: str) -> bool:
    """Tell by the suffix whether a file is an image."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - hot path


def walk_images(folder: Path) -> Iterator[str]:
    """Yield the images below a folder as names with ``/``, sorted, hidden ones left out."""
    for name in walk_files(folder):
        if is_image_name(name):
            yield name


def walk_files(folder: Path) -> Iterator[str]:
    """Yield the files below a folder as names with ``/``, sorted, hidden ones left out."""
    root = os.fspath(folder)
    for where, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        prefix = "" if where == root else os.path.relpath(where, root).replace(os.sep, "/") + "/"
        for name in sorted(files):
            if not name.startswith("."):
                yield prefix + name


def is_absolute_anywhere(name: str) -> bool:
    """Tell whether a name is absolute on this or on any other system."""
    return name.startswith(("/", "\\")) or _DRIVE.match(name) is not None


class Found(msgspec.Struct, frozen=True):
    """Where an image lies.

    Attributes:
        path: The file.
        remark: What is odd about how it was found, or None if its name led straight to it.
    """

    path: str
    remark: str | None = None


class ImageLocator:
    """Finds images by the names that annotations give them, inside some folders only.

    Args:
        roots: Folders in the order in which they are tried.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = [root for root in dict.fromkeys(roots) if root.is_dir()]

    def find(self, name: str) -> Found | None:
        """Find an image; a name that climbs out of its folder is never followed."""
        if not is_absolute_anywhere(name):
            return self._below_roots(name) or self._by_tail(name)
        return self._by_tail(name)

    def _below_roots(self, name: str) -> Found | None:
        for position, root in enumerate(self._roots):
            path = inside(root, name)
            if path is not None and path.is_file():
                if position:  # the next image most likely lies in the same folder
                    self._roots.insert(0, self._roots.pop(position))
                return Found(str(path))
        return None

    def _by_tail(self, name: str) -> Found | None:
        """Drop leading folders of a name from another machine until exactly one file fits."""
        parts = [part for part in re.split(r"[/\\]+", name) if part]
        if ".." in parts or not parts:
            return None
        candidates = self._by_base_name.get(parts[-1], [])
        for start in range(len(parts)):
            tail = "/" + "/".join(parts[start:])
            fits = [path for path in candidates if path.replace(os.sep, "/").endswith(tail)]
            if len(fits) == 1:
                return Found(fits[0], f"{name} is not there; taken is {fits[0]}")
            if fits:
                return None
        return None

    @cached_property
    def _by_base_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        seen: set[str] = set()
        for root in self._roots:
            for name in walk_images(root):
                path = str(root.joinpath(*name.split("/")))
                if path not in seen:
                    seen.add(path)
                    found.setdefault(name.rsplit("/", 1)[-1], []).append(path)
        return found
