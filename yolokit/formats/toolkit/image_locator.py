"""Where the image that an annotation names lies: one way of looking for the images of all formats.

First below the folders in which a format has them, as the name says; then anywhere in the source,
or below ``--images``, by the end of its path. Only what is the one best fit is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote

import msgspec

from yolokit.errors import DataError
from yolokit.files.atomic import inside
from yolokit.formats.toolkit.image_index import Candidate, ImageIndex, choose, split_name
from yolokit.images.size import ImageSize
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import ImageRecord

_SHOWN = 3


class Found(msgspec.Struct, frozen=True):
    """Where an image lies.

    Attributes:
        path: The file.
        name: Its name in the data set, safe to be put below any folder.
        remark: What is odd about how it was found, or None if its name was right.
    """

    path: str
    name: str
    remark: str | None = None


class ImageLocator:
    """Finds images by the names that annotations give them, inside some folders only.

    Args:
        roots: Folders in the order in which they are tried.
        indexes: What is listed already, by folder; shared between locators.
    """

    def __init__(self, roots: Sequence[str], indexes: dict[str, ImageIndex] | None = None) -> None:
        self._roots = [root for root in dict.fromkeys(roots) if os.path.isdir(root)]  # noqa: PTH112
        self._outer = _outermost(self._roots)
        self._indexes = {} if indexes is None else indexes

    def find(
        self, name: str, other_names: Sequence[str] = (), split: str | None = None, file: str = ""
    ) -> Found | None:
        """Find an image; a name that climbs out of its folder is never followed.

        Args:
            name: As the annotations state it; it may lack the suffix.
            other_names: Tried where there is no such file.
            split: Of the image: files in folders of another are passed over.
            file: The annotation file, whose own folders are not taken for such.
        """
        for stated in (name, *other_names):
            found = self._below_roots(stated)
            if found is not None:
                remark = None if stated == name else f"{name} is not there; using {found.path}"
                return msgspec.structs.replace(found, remark=remark)
        for stated in _spellings(name, *other_names):
            fits = [
                one for one in self._candidates(stated) if not one.is_of_other_split(split, file)
            ]
            chosen = choose(fits, self._roots)
            if chosen is not None:
                return _to_found(chosen, stated, is_plain=stated == name)
        return None

    def explain(
        self, name: str, other_names: Sequence[str] = (), split: str | None = None, file: str = ""
    ) -> str:
        """Say why an image was not found, and where it was looked for."""
        text = f"the image {name} was not found"
        stated = _spellings(name, *other_names)
        near = {one.path: one for spelling in stated for one in self._candidates(spelling)}
        fits = [path for path, one in near.items() if not one.is_of_other_split(split, file)]
        if fits:
            more = ", ..." if len(fits) > _SHOWN else ""
            return f"{text}: it may be {' or '.join(fits[:_SHOWN])}{more}"
        where = " or ".join(self._outer) or "any folder that is there"
        others = f" ({next(iter(near))} is of another split)" if near else ""
        return f"{text} below {where}{others}"

    def _below_roots(self, name: str) -> Found | None:
        if inside(Path(), name) is None:
            return None
        plain = os.path.normpath(name.replace("\\", "/"))
        for root in self._roots:
            path = os.path.join(root, plain)  # noqa: PTH118 - hot path
            if _is_file(path):
                return Found(path, plain.replace(os.sep, "/"))
        return None

    def _candidates(self, name: str) -> Iterator[Candidate]:
        parts = split_name(name)
        for root in self._outer if parts and "\x00" not in name else ():
            if root not in self._indexes:
                self._indexes[root] = ImageIndex(root)
            yield from self._indexes[root].find(parts)


class SourceImages:
    """Finds the files of images; a source is listed once, and only if names are not found."""

    def __init__(self) -> None:
        self._locators: dict[tuple[str, ...], ImageLocator] = {}
        self._indexes: dict[str, ImageIndex] = {}
        self._taken: dict[tuple[str, str], tuple[str, bool]] = {}

    def find(self, image: ImageRecord, ledger: Ledger | None = None) -> Found | None:
        """Return where an image lies, None if it is not there; the ledger gets what is odd.

        A file that is not just where the name says is not taken if it is another image's.

        Raises:
            DataError: It was taken before for an image that is not where its name says.
        """
        found = self._locator_of(image).find(*_asked(image))
        if found is None:
            return None
        is_straight, key = found.remark is None, (image.source.path, found.path)
        other, was_straight = self._taken.setdefault(key, (image.file_name, is_straight))
        if other == image.file_name or (is_straight and was_straight):
            if ledger is not None and found.remark is not None:
                ledger.note(image.source, None, "image-elsewhere", found.remark)
            return found
        if not is_straight:
            return None
        raise DataError(
            f"{other} is not there, and the one file that it may be is {image.file_name}",
            path=image.source.path,
            hint="say with --images where the images are, or take the missing ones out",
        )

    def explain(self, image: ImageRecord) -> str:
        """Say why it was not found, and where it was looked for."""
        locator = self._locator_of(image)
        found = locator.find(*_asked(image))
        if found is None:
            return locator.explain(*_asked(image))
        other, _ = self._taken[image.source.path, found.path]
        return f"the image {image.file_name} was not found: {found.path} is taken for {other}"

    def _locator_of(self, image: ImageRecord) -> ImageLocator:
        roots = image.source.image_roots
        locator = self._locators.get(roots)
        if locator is None:
            locator = self._locators[roots] = ImageLocator(roots, self._indexes)
        return locator


def fill_image(image: ImageRecord, found: Found, size: ImageSize) -> ImageRecord:
    """Return an image with its file, the name of that, and its size."""
    return msgspec.structs.replace(
        image,
        file_name=found.name,
        path=found.path,
        width_px=size.width_px,
        height_px=size.height_px,
        cut_short=size.cut_short,
    )


def _asked(image: ImageRecord) -> tuple[str, Sequence[str], str | None, str]:
    return image.file_name, image.other_names, image.split, image.source.path


def _spellings(*names: str) -> Iterator[str]:
    """Yield names as they are stated and, where they may be addresses, what those mean."""
    yield from names
    for name in names:
        plain = unquote(name.split("?", 1)[0])
        if plain != name and plain:
            yield plain


def _to_found(chosen: Candidate, stated: str, *, is_plain: bool) -> Found:
    """Return a file with its name in the set: with those of the stated folders that it lies in."""
    name = "/".join(chosen.name.split("/")[-1 - chosen.folders :])
    plain = stated.replace("\\", "/").removeprefix("./")
    if is_plain and plain in (name, name.rpartition(".")[0]):
        return Found(chosen.path, name)
    other_form = normalize("NFC", plain) == normalize("NFC", name)
    why = "has its name in another Unicode form" if other_form else "is not there"
    return Found(chosen.path, name, f"{stated} {why}; using {chosen.path}")


def _outermost(roots: Sequence[str]) -> list[str]:
    """Return the folders that lie in no other one."""
    paths = [Path(root) for root in roots]
    return [
        str(path)
        for path in paths
        if not any(other != path and path.is_relative_to(other) for other in paths)
    ]


def _is_file(path: str) -> bool:
    try:
        return os.path.isfile(path)  # noqa: PTH113 - hot path
    except ValueError:  # characters that no file name has
        return False
