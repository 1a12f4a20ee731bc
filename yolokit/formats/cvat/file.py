"""Where a CVAT file lies: the folders of its images, the split, the videos beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.formats.toolkit.layout import SourceLayout, split_from_name
from yolokit.labels.model import SourceFile

if TYPE_CHECKING:
    from pathlib import Path


class CvatFile:
    """Where a file lies, and what that says about its images."""

    def __init__(self, path: Path, layout: SourceLayout) -> None:
        self._path = path
        self._layout = layout
        self._sources: dict[str, SourceFile] = {}
        self._splits: dict[str, str | None] = {}

    def source_of(self, subset: str) -> SourceFile:
        """Return the file as the images of a subset refer to it."""
        if subset not in self._sources:
            roots = self._layout.subset_roots(self._path, subset)
            roots = roots or self._layout.image_roots(self._path, self.split_of(subset))
            self._sources[subset] = SourceFile(str(self._path), "line", roots)
        return self._sources[subset]

    def split_of(self, subset: str) -> str | None:
        """Return the split that a subset is called after, else the file, else a folder above."""
        if subset not in self._splits:
            by_place = self._layout.split_of(self._path, holds_set=True)
            self._splits[subset] = split_from_name(subset) or by_place
        return self._splits[subset]

    def videos(self) -> list[str]:
        """Return the videos beside the file."""
        suffixes = {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm"}
        names = sorted(path.name for path in self._path.parent.iterdir())
        return [name for name in names if name[name.rfind(".") :].lower() in suffixes]
