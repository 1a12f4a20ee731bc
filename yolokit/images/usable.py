"""Which images a training can use: what ultralytics would leave out, or fail on, is found first.

An image must meet what ultralytics asks of it: Pillow recognises and verifies it, and OpenCV
decodes it. The engine compares again what it was given with what it used.

Source: ultralytics ``data/utils.py:check_image`` and ``utils/patches.py:imread``, Pillow 13.
"""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.machine import usable_cores
from yolokit.errors import DataError
from yolokit.files.file_kind import BIG_TIFF, PNG, TIFF, tell_image
from yolokit.images.end import iter_png_chunks
from yolokit.images.size import quiet_opencv, read_image_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yolokit.core.types import U8

MIN_SIDE_PX = 10
MAX_PIXELS = 178_956_970  # Pillow takes more for an attack
_AT_ONCE = 32
_FORMATS = "JPEG, PNG, BMP, TIFF, WebP, AVIF and JPEG 2000"


def find_unusable(
    paths: Sequence[str],
    *,
    decode: bool = True,
    on_progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, str]:
    """Return the images that a training cannot use, each with the reason.

    Decoding runs on all cores. Measured on JPEGs of 640x480 px it takes 1.5 ms of one core for an
    image, once a run; loading and augmenting one for training takes 4.6 ms, in every epoch. Where
    nothing is decoded, heads and ends are looked at, and damage within is not seen.
    """
    found: dict[str, str] = {}

    def look(some: Sequence[str]) -> list[tuple[str, str | None]]:
        return [(path, explain_unusable(path, decode=decode)) for path in some]

    blocks = [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
    done = 0
    with quiet_opencv(), ThreadPoolExecutor(usable_cores()) as pool:
        for looked in pool.map(look, blocks):
            found |= {path: reason for path, reason in looked if reason is not None}
            done += len(looked)
            on_progress(done)
    return found


def explain_unusable(path: str, *, decode: bool = True) -> str | None:
    """Return why a training cannot use an image; None if it can."""
    if not _can_be_listed(path):
        return "its name is not UTF-8 text on one line, and cannot be given to ultralytics"
    try:
        size = read_image_size(path)
    except DataError as error:
        return error.message
    if size.cut_short:
        return "the file is cut short: its end is missing"
    wh = (size.width_px, size.height_px)
    if min(wh) < MIN_SIDE_PX:
        return f"the image is {wh[0]}x{wh[1]} px; training needs {MIN_SIDE_PX} px at least"
    if wh[0] * wh[1] > MAX_PIXELS:
        return f"the image is {wh[0]}x{wh[1]} px; ultralytics reads {MAX_PIXELS:,} pixels at most"
    return _explain_content(path) if decode else None


def _can_be_listed(path: str) -> bool:
    """Tell whether a list of images in UTF-8, one a line, can hold a path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return path.splitlines() == [path]


def _explain_content(path: str) -> str | None:
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        return f"cannot read the image: {error.strerror}"
    kind = tell_image(content[:16].tobytes())
    if kind is None or not kind.trains:
        what = (
            f"it is {kind.name}, whatever its name says"
            if kind
            else "its content is something else"
        )
        return f"{what}; training takes {_FORMATS}"
    if kind is PNG and not _is_intact_png(content.tobytes()):
        return "the PNG is damaged: a checksum in it is wrong"
    return _explain_undecodable(content, is_tiff=kind in (TIFF, BIG_TIFF))


def _is_intact_png(content: bytes) -> bool:
    """Tell whether the checksum of every chunk is right."""
    view = memoryview(content)
    for kind, at, length in iter_png_chunks(content, 0, len(content)):
        end = at + length
        if zlib.crc32(view[at - 4 : end]).to_bytes(4, "big") != content[end : end + 4]:
            return False
        if kind == b"IEND":
            return True
    return False


def _explain_undecodable(content: U8, *, is_tiff: bool) -> str | None:
    import cv2

    try:
        if is_tiff:
            # ultralytics hands pixels of a colour TIFF on as they are, floating-point ones too.
            pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
            if pixels is not None and pixels.dtype not in (np.uint8, np.uint16):
                return f"its pixels are {pixels.dtype}; training takes unsigned 8 or 16 bits"
        pixels = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except cv2.error as error:
        return f"it cannot be decoded: {error.err}"
    return None if pixels is not None else "the image cannot be decoded"
