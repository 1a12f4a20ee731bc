"""Where a CVAT file lies: the folders of its images, the split, the videos beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.formats.toolkit.layout import find_image_roots, split_from_name
from yolokit.labels.model import SourceFile

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.formats.toolkit.plugin import ReadOptions


class CvatFile:
    """Where a file lies, and what that says about its images."""

    def __init__(self, path: Path, root: Path, options: ReadOptions) -> None:
        self._path = path
        self._root = root
        self._images = options.images
        self._sources: dict[str, SourceFile] = {}
        self._splits: dict[str, str | None] = {}

    def source_of(self, subset: str) -> SourceFile:
        """Return the file as the images of a subset refer to it."""
        if subset not in self._sources:
            self._sources[subset] = SourceFile(str(self._path), "line", self._roots(subset))
        return self._sources[subset]

    def _roots(self, subset: str) -> tuple[str, ...]:
        base = self._path.parent
        folders = [base / "images", base] if self._images is None else [self._images]
        safe = subset and "/" not in subset and "\\" not in subset and not subset.startswith(".")
        below = [folder / subset for folder in folders if safe and (folder / subset).is_dir()]
        if below:  # another subset may have images of the same names
            return tuple(str(folder) for folder in below)
        return find_image_roots(self._path, self._root, self._images, self.split_of(subset))

    def split_of(self, subset: str) -> str | None:
        """Return the split that a subset is called after, else the file, else a folder above."""
        if subset not in self._splits:
            names = [subset, self._path.stem, *self._path.relative_to(self._root).parts[-2::-1]]
            found = (split for name in names if (split := split_from_name(name)))
            self._splits[subset] = next(found, None)
        return self._splits[subset]

    def videos(self) -> list[str]:
        """Return the videos beside the file."""
        suffixes = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"}
        names = sorted(path.name for path in self._path.parent.iterdir())
        return [name for name in names if name[name.rfind(".") :].lower() in suffixes]
