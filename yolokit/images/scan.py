"""One pass over images: whether a training can use each, and what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.core.types import U8
from yolokit.errors import DataError
from yolokit.images.size import read_image_size
from yolokit.images.usable import find_unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class ImageScan(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What was found out about one image file.

    Attributes:
        problem: Why a training cannot use it, or None.
        wh_px: Width and height as decoded, upright; zeros where they are not known.
        mode: Of its pixels; empty where it is not known.
        orientation: Of EXIF, or an AVIF's own, 1 to 8; 1 is upright as stored.
        digest: The sha256 of the file; empty where it was not read whole.
        hash_bits: (128,) uint8, what the picture shows; None where it was not decoded or is flat.
    """

    problem: str | None = None
    wh_px: tuple[int, int] = (0, 0)
    mode: str = ""
    orientation: int = 1
    digest: bytes = b""
    hash_bits: U8 | None = None


def scan_images(
    paths: Sequence[str],
    *,
    decode: bool = True,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, ImageScan]:
    """Look at each image once, on all cores."""
    problems = find_unusable(paths, decode=decode, on_progress=on_progress)
    return {path: _scan(path, problems.get(path)) for path in paths}


def _scan(path: str, problem: str | None) -> ImageScan:
    try:
        size = read_image_size(path)
    except DataError:  # the problem says so
        return ImageScan(problem=problem)
    wh = (size.width_px, size.height_px)
    return ImageScan(problem=problem, wh_px=wh, orientation=size.orientation)
