"""Where things lie in a source: which split a file is of, and where its images may be.

All formats ask here, so that the same folders mean the same in each of them. A file is of the
split that is stated

1. by the format itself: in lists of images, a column, a subset, tags or the keys of a YAML;
2. by the file's own name, where it holds a whole set, such as ``instances_val2017.json``. Where
   each image has a file that does not count: ``train 12`` is a picture of a train;
3. by the nearest folder that states one, below the source's folder, whose own name does not
   count: ``training_data/test/a.xml`` is of the split test.

A name that states two, such as ``train and test``, states none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import SourceFile
from yolokit.labels.splits import SPLITS

_ANNOTATION_FOLDER = re.compile(
    r"ann|annfiles|annotations?|annots|anns|csv|jsons?|label_[23]|labels?|labeltxt.*|metadata|"
    r"wider_face_split|xmls?",
    re.IGNORECASE,
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
    """Return the split that a name states, such as ``instances_val2017``.

    None if it states none, or more than one.
    """
    words = re.findall(r"[a-z]+", name.lower())
    found = {_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS}
    return found.pop() if len(found) == 1 else None


def is_called_after(folder: str, split: str | None) -> bool:
    """Tell whether a folder's name states a split and nothing else, but for a number."""
    return split is not None and folder.isalnum() and split_from_name(folder) == split


def find_split_folders(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Return the folders right in one that are called as splits are, by split."""
    found: dict[str, tuple[Path, ...]] = {}
    for word, split in _SPLIT_WORDS.items():
        if (folder / word).is_dir():
            found[split] = (*found.get(split, ()), folder / word)
    return found


def nearest_split(folders: Sequence[str]) -> str | None:
    """Return the split that the last of some nested folders states that states any."""
    return next(filter(None, map(split_from_name, reversed(folders))), None)


def is_annotation_folder(name: str) -> bool:
    """Tell whether a folder is called as those are that hold annotations and no images."""
    return _ANNOTATION_FOLDER.fullmatch(name) is not None


class SourceLayout:
    """Answers where the files of one source and their images lie.

    Args:
        source: A file, or a folder with everything below it.
        images: Where the user says that the images lie, if they are elsewhere.
    """

    def __init__(self, source: Path, images: Path | None = None) -> None:
        self.root = source if source.is_dir() else source.parent
        self.images = images

    def split_of(self, file: Path, *, holds_set: bool = False) -> str | None:
        """Return the split of an annotation file, by its own name if it holds a whole set."""
        by_name = split_from_name(file.name) if holds_set else None
        return by_name or _find_split(file.parent, self.root)[0]

    def split_folder(self, file: Path) -> Path:
        """Return the nearest folder that states a split, that of the source if none does."""
        return _find_split(file.parent, self.root)[1]

    def image_roots(
        self, file: Path, split: str | None = None, inner: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Return the folders in which the images of an annotation file may lie, likely ones first.

        The last ones hold all that there is: the folders around the file up to the source, or
        what the user named.

        Args:
            file: The annotation file.
            split: The one that the file is of.
            inner: Folders that the format has below one of images, or in its place.
        """
        return _image_roots(file.parent, self.root, self.images, split, tuple(inner))

    def subset_roots(self, file: Path, subset: str) -> tuple[str, ...]:
        """Return the folders that are there and called after a subset of the images of a file.

        Where there are any, its images are looked for in no other: those of another subset may
        have the same names.
        """
        if not subset or subset.startswith(".") or re.search(r"[/\\]", subset) is not None:
            return ()
        bases = [base for base, _ in _bases(file.parent, self.root)]
        bases = bases if self.images is None else [self.images]
        found = [base / "images" / subset for base in bases]
        found += [base / subset / "images" for base in bases]
        found += [base / subset for base in bases]
        return tuple(str(folder) for folder in found if folder.is_dir())

    def describe_set_file(
        self, file: Path, counts: Literal["line", "index"], inner: Sequence[str] = ()
    ) -> tuple[str | None, SourceFile]:
        """Return the split of a file that holds a whole set, and what stands for it in messages.

        Args:
            file: The annotation file.
            counts: What its places count.
            inner: As in :meth:`image_roots`.
        """
        split = self.split_of(file, holds_set=True)
        return split, SourceFile(str(file), counts, self.image_roots(file, split, inner))


@lru_cache(maxsize=256)  # where each image has a file, those of a folder are asked for in turn
def _find_split(folder: Path, root: Path) -> tuple[str | None, Path]:
    """Return the split that the nearest folder states, and that folder; else None and the root."""
    for near in (folder, *folder.parents) if folder.is_relative_to(root) else ():
        if near == root:
            break
        split = split_from_name(near.name)
        if split is not None:
            return split, near
    return None, root


@lru_cache(maxsize=256)
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


class SplitLists:
    """The lists of the images of each split in a folder of annotations: ``ImageSets/Main``.

    Args:
        folder: Of the set.
        lists: Where below it the lists are, for formats that took them over.
    """

    def __init__(self, folder: Path, lists: str = "ImageSets/Main") -> None:
        self.folder = folder
        self.lists: dict[str, tuple[Path, dict[str, int]]] = {}
        for split in (*SPLITS, "trainval"):
            path = folder.joinpath(*lists.split("/"), f"{split}.txt")
            if path.is_file():
                self.lists[split] = (path, _read_ids(path))
        trainval = self.lists.pop("trainval", None)
        if trainval is not None and not {"train", "val"} & set(self.lists):
            self.lists["train"] = trainval
        self.met: set[str] = set()

    def splits_of(self, image_id: str) -> list[str]:
        """Return the splits that list an image."""
        self.met.add(image_id)
        return [split for split, (_, ids) in self.lists.items() if image_id in ids]

    def note_unannotated(self, ledger: Ledger) -> None:
        """Enter the images that a split lists and that nobody asked for."""
        for split, (path, ids) in self.lists.items():
            source = SourceFile(str(path))
            for image_id in sorted(set(ids) - self.met):
                message = f"{image_id} is listed for {split} and has no annotation file"
                ledger.note(source, ids[image_id], "no-annotation-file", message)


def _read_ids(path: Path) -> dict[str, int]:
    """Return the ids in a split's list with their lines; a second column is left aside."""
    try:
        lines = read_bounded(path).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot read the list of a split as UTF-8 text", path=path) from error
    found = [(line, number) for number, raw in enumerate(lines, 1) if (line := raw.strip())]
    if all(line.rpartition(" ")[2] in ("-1", "0", "1") for line, _ in found):
        found = [(line.rpartition(" ")[0].strip() or line, number) for line, number in found]
    return dict(reversed(found))
