"""Gives each image its name in the written set, and puts its file there: copied, or linked."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
import numpy as np

from yolokit.errors import ConfigError, DataError
from yolokit.formats.toolkit.layout import is_called_after
from yolokit.images.byte_range import read_bytes
from yolokit.images.pixels import decode_upright
from yolokit.labels.model import LabelledImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.core.types import U8
    from yolokit.images.byte_range import Span
    from yolokit.labels.ledger import Ledger

LinkMode: TypeAlias = Literal["copy", "hardlink", "symlink"]
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{,99}\.[A-Za-z0-9]{1,9}")
_LIKE_A_FILE = re.compile(
    r"\.(?=(avif|bmp|csv|dng|heic|heif|jp2|jpe?g|json|mpo|png|tiff?|txt|webp|xml|ya?ml)$)",
    re.IGNORECASE,
)
_MAX_PART_BYTES = 200
_MAX_PATH_BYTES = 1000  # below 1024 of macOS and 4096 of Linux, with room for the set's folder


class CopyPlan(msgspec.Struct, frozen=True):
    """Where images go.

    Attributes:
        image_folder: Below it, with ``{split}`` for the name of a split.
        link: How images get there; None for labels alone.
        keeps_splits: Whether the splits are the source's own, whose names stand in its folders.
    """

    folder: Path
    image_folder: str
    link: LinkMode | None
    keeps_splits: bool


def copy_images(
    images: Iterable[LabelledImage], plan: CopyPlan, ledger: Ledger
) -> Iterator[LabelledImage]:
    """Put images into the set, and yield them under the names that they have there.

    They have their splits, and their labels are final; each that is renamed is noted.

    Raises:
        DataError: An image cannot be copied.
        ConfigError: This file system cannot link it, or it is part of a file.
    """
    folders: dict[str, OutputNames] = {}  # VOC has one for all splits
    made: set[Path] = set()
    for labelled in images:
        image = labelled.image
        split = image.split or "train"
        place = plan.image_folder.format(split=split)
        told = split if plan.keeps_splits and place.endswith(split) else None
        own = drop_told_folders(image.file_name, told)
        name = folders.setdefault(place, OutputNames()).assign(own)
        if name != own:
            ledger.note(image.source, None, "renamed", f"{image.file_name} -> {name}")
        if image.path is not None and plan.link is not None:
            target = plan.folder.joinpath(place, *name.split("/"))
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            copy_image(image.path, target, plan.link, image.span, image.crop)
        if name != image.file_name:
            record = msgspec.structs.replace(image, file_name=name)
            labelled = LabelledImage(record, labelled.annotations)  # noqa: PLW2901 - renamed
        yield labelled


def copy_image(
    source: str,
    target: Path,
    mode: LinkMode,
    span: Span | None = None,
    crop: tuple[int, int, int, int] | None = None,
) -> None:
    """Make ``target``, in a folder that exists, the image in ``source`` or a span of it.

    A crop, xyxy in px, is the part of the image that is wanted.

    Raises:
        DataError: The image cannot be copied.
        ConfigError: This file system cannot link it, or it is part of a file.
    """
    if span is not None and mode != "copy":
        raise ConfigError(
            f"{source} holds images inside it, and no {mode} can point to a part of a file",
            hint="use --link copy",
        )
    try:
        if crop is not None:
            target.write_bytes(_cut_out(source, span, crop, target.suffix.lower()))
        elif span is not None:
            target.write_bytes(_read_whole(source, span))
        elif mode == "copy":
            shutil.copyfile(source, target)
        elif mode == "hardlink":
            os.link(os.path.realpath(source), target)
        else:
            target.symlink_to(os.path.realpath(source))
    except OSError as error:
        if mode == "copy":
            raise DataError(
                f"cannot copy the image to {target}: {error.strerror}", path=source
            ) from error
        raise ConfigError(
            f"cannot {mode} {source} to {target}: {error.strerror}",
            hint="use --link copy",
        ) from error


def _read_whole(source: str, span: Span | None) -> bytes:
    data = read_bytes(source, span)
    if span is not None and len(data) < span.length_bytes:
        raise DataError("it ends before an image in it does", path=source)
    return data


@lru_cache(maxsize=1)  # the tiles of an image come one after the other
def _decode(source: str, span: Span | None) -> U8:
    """Return the pixels of an image, upright, with as many channels and bits as it has."""
    import cv2

    data = np.frombuffer(_read_whole(source, span), np.uint8)
    # Unchanged would keep an alpha channel, and leave EXIF orientation aside.
    pixels = decode_upright(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)
    if pixels is None:
        raise DataError("the image cannot be decoded", path=source)
    return pixels


def _cut_out(source: str, span: Span | None, crop: tuple[int, int, int, int], suffix: str) -> bytes:
    """Return the encoded part of an image; JPEG at a quality whose loss is not seen."""
    import cv2

    x1, y1, x2, y2 = crop
    pixels = _decode(source, span)[y1:y2, x1:x2]
    options = [cv2.IMWRITE_JPEG_QUALITY, 97] if suffix in (".jpg", ".jpeg") else []
    try:
        done, data = cv2.imencode(suffix, pixels, options)
    except cv2.error as error:
        raise DataError(f"no tile can be written as {suffix}", path=source) from error
    if not done:
        raise DataError(f"no tile can be written as {suffix}", path=source)
    return data.tobytes()


class OutputNames:
    """Gives each image of a set its name, sub-folders kept.

    No two names differ in their suffix only, since labels are named after the stem, or in case
    only, since not every file system distinguishes those; names are in one Unicode form.
    """

    def __init__(self) -> None:
        # Names given out, without suffix and case, and the last number appended to each.
        self._numbers: dict[str, int] = {}

    def assign(self, name: str) -> str:
        """Return the name for an image that its source calls ``name``; never given out before."""
        clean = name
        if _PLAIN.fullmatch(name) is None or _RESERVED.match(name) is not None:
            clean = _clean_path(name)
        stem, dot, suffix = clean.rpartition(".")
        if not dot or "/" in suffix or not stem:
            stem, suffix = clean, ""
        key = stem.casefold()
        if key not in self._numbers:
            self._numbers[key] = 1
            return clean
        choice, number = stem, self._numbers[key]
        while choice.casefold() in self._numbers:
            number += 1
            choice = f"{stem}-{number}"
        self._numbers[key] = number
        self._numbers[choice.casefold()] = 1
        return f"{choice}.{suffix}" if suffix else choice


def drop_told_folders(name: str, split: str | None) -> str:
    """Return an image's name without leading folders that say what its place in the set says.

    Args:
        name: Such as ``test/images/a.jpg``; there it would lie in ``images/test/test/images``.
        split: The split that the place is called after, or None.
    """
    while "/" in name:
        first, _, rest = name.partition("/")
        if first.lower() != "images" and not is_called_after(first, split):
            break
        name = rest
    return name


def _clean_path(name: str) -> str:
    """Clean each part of a name; those that are empty or climb are left out.

    Of a path that is longer than file systems allow, the end stays. A folder is not called like an
    image or a file of labels, for one of that name may be beside it.
    """
    composed = unicodedata.normalize("NFC", name)
    parts = [_clean(part) for part in composed.replace("\\", "/").split("/")]
    parts = [part for part in parts if part not in ("", ".", "..")]
    parts[:-1] = [_LIKE_A_FILE.sub("_", part) for part in parts[:-1]]
    ends = accumulate(len(part.encode()) + 1 for part in reversed(parts))
    fitting = sum(end <= _MAX_PATH_BYTES for end in ends)
    return "/".join(parts[-fitting:]) if parts else "image"


def _clean(part: str) -> str:
    """Replace what Windows, macOS or Linux does not allow in a name."""
    part = _FORBIDDEN.sub("_", part.encode(errors="replace").decode())
    if part in ("", ".", ".."):
        return part
    part = part.rstrip(" .") or "_"
    if _RESERVED.match(part):
        part = "_" + part
    if len(part.encode()) > _MAX_PART_BYTES:
        stem, dot, suffix = part.rpartition(".")
        end = f".{suffix}" if dot and len(suffix) < 10 else ""
        keep = _MAX_PART_BYTES - len(end.encode())
        cut = (stem if end else part).encode()[:keep]
        part = cut.decode(errors="ignore") + end
    return part
