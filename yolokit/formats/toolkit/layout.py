"""The split that an annotation file belongs to, and the folders in which its images may lie."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_ANNOTATION_FOLDERS = frozenset(
    {"ann", "annotation", "annotations", "annots", "anns", "json", "jsons", "label", "labels"}
    | {"xml", "xmls", "csv", "metadata"}
)
_IMAGE_FOLDERS = ("JPEGImages", "images", "Images", "img", "data")
_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_SPLIT_FOLDERS = {"val": ("val", "valid", "validation")}


def split_from_name(name: str) -> str | None:
    """Return the split that a file or folder is called after, such as ``instances_val2017``.

    None if it names no split, or more than one.
    """
    words = re.findall(r"[a-z]+", name.lower())
    found = {_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS}
    return found.pop() if len(found) == 1 else None


def is_annotation_folder(name: str) -> bool:
    """Tell whether a folder is called as those are that hold annotations and no images."""
    return name.lower() in _ANNOTATION_FOLDERS


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
    file: Path,
    root: Path,
    images: Path | None,
    split: str | None = None,
    inner: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return the folders in which the images of an annotation file may lie, first choice first.

    The last ones hold all that there is: the folders around the file up to the source, or
    ``images``.

    Args:
        file: The annotation file.
        root: The folder of the source.
        images: Where the user says that they lie.
        split: The one that the file belongs to.
        inner: Folders that the format has below one of images, or in its place.
    """
    return _image_roots(file.parent, root, images, split, tuple(inner))


@lru_cache(maxsize=256)  # where each image has a file, those of a folder are asked for in turn
def _image_roots(
    here: Path, root: Path, images: Path | None, split: str | None, inner: tuple[str, ...]
) -> tuple[str, ...]:
    words = [*inner, *(_SPLIT_FOLDERS.get(split, (split,)) if split else ())]
    around = [folder for folder in here.parents if folder.is_relative_to(root)]
    bases = list(_bases(here, root))
    if images is not None:
        inner_bases = [base for base, _ in bases if base.is_relative_to(root)]
        bases = [(images / base.relative_to(root), "") for base in inner_bases] + [
            (images, within) for _, within in bases
        ]
        around = [images]
    homes = (*_IMAGE_FOLDERS, "")
    folders = [base / home / within for base, within in bases for home in homes if within]
    plain = dict.fromkeys([*(base for base, _ in bases), *around[-1:]])
    folders += [base / "images" / word for base in plain for word in words]
    folders += [base / word for base in plain for word in words]
    folders += [base / name for base in plain for name in _IMAGE_FOLDERS]
    return tuple(dict.fromkeys(str(folder) for folder in (*folders, *plain, *around)))


def _bases(here: Path, root: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders that images may be in or below, and what follows that of annotations.

    Of ``set/annotations/cam1`` these are the folder itself and ``set``, where they may be in
    ``set/images/cam1``.
    """
    yield here, ""
    for folder in (here, *here.parents):
        if is_annotation_folder(folder.name):
            yield folder.parent, here.relative_to(folder).as_posix().removeprefix(".")
        if folder == root:
            return
