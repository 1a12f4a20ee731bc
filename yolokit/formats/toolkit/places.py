"""Which split an annotation file is, by the names of folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.formats.toolkit.layout import split_from_name

if TYPE_CHECKING:
    from pathlib import Path


def split_of(path: Path, root: Path) -> str | None:
    """Return the split that a file or a folder between it and ``root`` is called after."""
    names = [*path.relative_to(root).parts[:-1], path.stem]
    return next((split for name in names if (split := split_from_name(name))), None)
