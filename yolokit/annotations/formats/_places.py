"""Where the images of one annotation file may be, and which split it is, by the folders' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.annotations.split import split_from_name

if TYPE_CHECKING:
    from pathlib import Path

_SPLIT_FOLDERS = ("train", "val", "valid", "test")


def split_of(path: Path, root: Path) -> str | None:
    """Return the split that a file or a folder between it and ``root`` is called after."""
    names = [*path.relative_to(root).parts[:-1], path.stem]
    return next((split for name in names if (split := split_from_name(name))), None)


def image_roots(path: Path, root: Path, images: Path | None, split: str | None) -> tuple[str, ...]:
    """Return where the images of a file may be, first choice first.

    Args:
        path: The file: they lie beside it, or in a folder called like it, like its split, or so.
        root: The source's folder.
        images: Where they lie if the user says so.
        split: Of the file: folders of another are passed over.
    """
    here = path.parent
    folders = [here, here / path.stem, here / "images", here / "images" / path.stem]
    for name in _SPLIT_FOLDERS:
        if split in (None, split_from_name(name)):
            folders += [here / name, here / "images" / name]
    folders += [root, root / "images"]
    if images is not None:
        folders = [images / here.relative_to(root), images]
    return tuple(str(folder) for folder in dict.fromkeys(folders))
