"""Groups of images that must stay in one split: folders, videos, near-duplicates."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import msgspec
import numpy as np

from yolokit.images.byte_range import read_bytes
from yolokit.images.difference_hash import hash_pixels
from yolokit.images.near_duplicates import match_equal, match_near
from yolokit.images.pixels import decode_upright

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yolokit.core.types import U8
    from yolokit.labels.model import ImageRecord

GroupKind: TypeAlias = Literal["folder", "video", "near-duplicate", "pattern"]

_FRAME = re.compile(r"[-_. ]*(?:frame|img|image)?[-_. ]*\d+$", re.IGNORECASE)
_SMALLEST_PX = 64  # eight for each cell of the hash's grid


class GroupPlan(msgspec.Struct, frozen=True):
    """What makes images belong together.

    Attributes:
        by: ``folder``, ``video``, ``near-duplicate`` or ``pattern``.
        pattern: A regular expression for image names: images with the same first group (or
            match) belong together, and one without a match is alone.
    """

    by: GroupKind
    pattern: str = ""

    @classmethod
    def parse(cls, text: str) -> GroupPlan:
        """Read ``folder``, ``video``, ``near-duplicate``, or ``re:PATTERN``.

        Raises:
            ValueError: It is none of these, or no regular expression.
        """
        if text.startswith("re:"):
            try:
                re.compile(text[3:])
            except re.error as error:
                raise ValueError(f"{text[3:]!r} is not a regular expression: {error}") from error
            return cls("pattern", text[3:])
        for by in ("folder", "video", "near-duplicate"):
            if text == by:
                return cls(cast(GroupKind, by))
        raise ValueError(f"{text!r} is neither folder, video, near-duplicate nor re:PATTERN")


def group_images(images: Mapping[str, ImageRecord], plan: GroupPlan) -> dict[str, str]:
    """Give each image the name of its group; near-duplicates are told by their files."""
    if plan.by == "near-duplicate":
        return _group_alike(images)
    name_of = find_namer(plan)
    return {key: name_of(image.file_name) or key for key, image in images.items()}


def find_namer(plan: GroupPlan) -> Callable[[str], str]:
    """Return what makes the name of a group of an image's; an empty text for one that is alone.

    Near-duplicates are not told by their names: by those, each image is alone.
    """
    if plan.by == "near-duplicate":
        return lambda _name: ""
    return _NAMES.get(plan.by) or _by_pattern(plan.pattern)


def _by_folder(name: str) -> str:
    return name.rpartition("/")[0] + "/"


def _by_video(name: str) -> str:
    """Return a name without the number of its frame: ``cam1/clip_000123.jpg`` -> ``cam1/clip``."""
    stem = name.rpartition(".")[0] or name
    return _FRAME.sub("", stem)


def _by_pattern(pattern: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def name_of(name: str) -> str:
        match = compiled.search(name)
        if match is None:
            return ""
        return "\0" + ((match.group(1) or "") if compiled.groups else match.group())

    return name_of


_NAMES: Mapping[str, Callable[[str], str]] = {"folder": _by_folder, "video": _by_video}


def _group_alike(images: Mapping[str, ImageRecord]) -> dict[str, str]:
    """Group images that are near each other or equal; a group is named after its first."""
    keys = list(images)
    contents = [_read(image) for image in images.values()]
    one_set = np.zeros(len(keys), np.int64)
    near = match_near([bits for bits, _ in contents], one_set, 1).groups
    equal = match_equal([digest for _, digest in contents], one_set, 1).groups
    # Flat pictures, which have no hash, are like those only that have the same bytes.
    return {key: keys[near[equal[at]]] for at, key in enumerate(keys)}


def _read(image: ImageRecord) -> tuple[U8 | None, bytes]:
    """Return what an image shows, (128,) bits, and the digest of its bytes."""
    import cv2

    assert image.path is not None, "images are looked at where they were found"
    content = read_bytes(image.path, image.span)
    data = np.frombuffer(content, np.uint8)
    grey = decode_upright(data, cv2.IMREAD_REDUCED_GRAYSCALE_4)
    if grey is None or min(grey.shape) < _SMALLEST_PX:
        grey = decode_upright(data, cv2.IMREAD_GRAYSCALE)
    bits = None if grey is None else hash_pixels(grey)
    return bits, hashlib.sha256(content).digest()
