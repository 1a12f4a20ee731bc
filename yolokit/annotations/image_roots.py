"""The split that an annotation file belongs to, and the folders in which its images may lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.annotations.split import split_from_name

if TYPE_CHECKING:
    from pathlib import Path

_ANNOTATION_FOLDERS = frozenset({"ann", "annotations", "annots", "json", "jsons", "labels"})


def split_of_file(file: Path, root: Path, *, by_name: bool) -> str | None:
    """Return the split of an annotation file: that of the nearest folder below ``root``.

    Args:
        file: The annotation file.
        root: The folder of the source.
        by_name: The file's own name counts first. Not where each image has a file: there
            ``train 12`` is a picture of a train.
    """
    folders = file.relative_to(root).parts[:-1] if file.is_relative_to(root) else ()
    for name in (*([file.stem] if by_name else []), *reversed(folders)):
        split = split_from_name(name)
        if split is not None:
            return split
    return None


def find_image_roots(
    file: Path, root: Path, images: Path | None, split: str | None = None
) -> tuple[str, ...]:
    """Return the folders in which the images of an annotation file may lie, first choice first.

    Args:
        file: The annotation file.
        root: The folder of the source.
        images: Where the user says that they lie.
        split: The one that the file belongs to.
    """
    bases = [file.parent]
    for folder in file.parents:
        if folder.name.lower() in _ANNOTATION_FOLDERS:
            bases.append(folder.parent)
        if folder == root:
            break
    if images is not None:
        bases = [images]
    inner = [split] if split else []
    folders = [base / "images" / name for base in bases for name in inner]
    folders += [base / name for base in bases for name in inner]
    folders += [base / "images" for base in bases] + bases
    if images is None:
        folders.append(root)
    return tuple(dict.fromkeys(str(folder) for folder in folders))
