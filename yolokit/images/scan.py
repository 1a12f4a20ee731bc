"""One pass over images: whether a training can use each, and what it is.

An image must meet what ultralytics asks of it: Pillow recognises and verifies it, and OpenCV
decodes it. What ultralytics would leave out, or fail on, is found first; the engine compares again
what it was given with what it used.

Source: ultralytics ``data/utils.py:check_image`` and ``utils/patches.py:imread``, Pillow 13.
"""

from __future__ import annotations

import hashlib
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.machine import usable_cores
from yolokit.core.types import U8
from yolokit.errors import DataError
from yolokit.files.file_kind import BIG_TIFF, PNG, TIFF, tell_image
from yolokit.images.difference_hash import hash_pixels
from yolokit.images.end import iter_png_chunks
from yolokit.images.mode import tell_mode
from yolokit.images.pixels import decode_upright
from yolokit.images.size import quiet_opencv, read_image_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MIN_SIDE_PX = 10
MAX_PIXELS = 178_956_970  # Pillow takes more for an attack
_AT_ONCE = 32
_FORMATS = "JPEG, PNG, BMP, TIFF, WebP, AVIF and JPEG 2000"


class ImageScan(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """What was found out about one image file.

    Attributes:
        problem: Why a training cannot use it, or None.
        wh_px: Width and height as decoded, upright; zeros where they are not known.
        mode: As :func:`yolokit.images.mode.tell_mode` says it; empty where it is not known.
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
    """Look at each image once, on all cores.

    Args:
        paths: The files.
        decode: Whether to read and decode them whole. Where nothing is decoded, heads and ends
            are looked at: damage within is not seen, and mode, digest and hash stay unknown.
        on_progress: Called with the number of images looked at.

    Returns:
        Each path with what was found, in the order given.
    """
    found: dict[str, ImageScan] = {}

    def look(some: Sequence[str]) -> list[tuple[str, ImageScan]]:
        return [(path, scan_image(path, decode=decode)) for path in some]

    blocks = [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
    done = 0
    with quiet_opencv(), ThreadPoolExecutor(usable_cores()) as pool:
        for looked in pool.map(look, blocks):
            found.update(looked)
            done += len(looked)
            on_progress(done)
    return found


def scan_image(path: str, *, decode: bool = True) -> ImageScan:
    """Look at one image; see :func:`scan_images`."""
    if not _can_be_listed(path):
        reason = "its name is not UTF-8 text on one line, and cannot be given to ultralytics"
        return ImageScan(problem=reason)
    try:
        size = read_image_size(path)
    except DataError as error:
        return ImageScan(problem=error.message)
    scan = ImageScan(wh_px=(size.width_px, size.height_px), orientation=size.orientation)
    problem = "the file is cut short: its end is missing" if size.cut_short else None
    problem = problem or _explain_size(scan.wh_px)
    if problem is not None:
        return msgspec.structs.replace(scan, problem=problem)
    return _scan_content(path, scan) if decode else scan


def _can_be_listed(path: str) -> bool:
    """Tell whether a list of images in UTF-8, one a line, can hold a path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return path.splitlines() == [path]


def _explain_size(wh_px: tuple[int, int]) -> str | None:
    is_px = f"the image is {wh_px[0]}x{wh_px[1]} px"
    if min(wh_px) < MIN_SIDE_PX:
        return f"{is_px}; training needs {MIN_SIDE_PX} px at least"
    if wh_px[0] * wh_px[1] > MAX_PIXELS:
        return f"{is_px}; ultralytics reads {MAX_PIXELS:,} pixels at most"
    return None


def _scan_content(path: str, scan: ImageScan) -> ImageScan:
    """Complete what the head of a file told with what all of it tells."""
    try:
        content = np.fromfile(path, np.uint8)
        unfit = _explain_kind(content)
        pixels, problem = _decode(content) if unfit is None else (None, unfit)
    except OSError as error:
        return msgspec.structs.replace(scan, problem=f"cannot read the image: {error.strerror}")
    except MemoryError:
        return msgspec.structs.replace(scan, problem="there is not enough memory to decode it")
    return ImageScan(
        problem=problem,
        wh_px=scan.wh_px,
        mode=tell_mode(content.data),
        orientation=scan.orientation,
        digest=hashlib.sha256(content.data).digest(),
        hash_bits=None if pixels is None else hash_pixels(pixels),
    )


def _explain_kind(content: U8) -> str | None:
    kind = tell_image(content[:16].tobytes())
    if kind is None or not kind.trains:
        what = (
            f"it is {kind.name}, whatever its name says"
            if kind
            else "its content is something else"
        )
        return f"{what}; training takes {_FORMATS}"
    if kind is PNG and not _is_intact_png(content.data):
        return "the PNG is damaged: a checksum in it is wrong"
    if kind in (TIFF, BIG_TIFF):
        return _explain_tiff(content)
    return None


def _is_intact_png(content: memoryview) -> bool:
    """Tell whether the checksum of every chunk is right."""
    for kind, at, length in iter_png_chunks(content, 0, len(content)):
        end = at + length
        if zlib.crc32(content[at - 4 : end]).to_bytes(4, "big") != content[end : end + 4]:
            return False
        if kind == b"IEND":
            return True
    return False


def _explain_tiff(content: U8) -> str | None:
    """Refuse pixels that ultralytics hands on as they are: it keeps the type of a TIFF's."""
    import cv2

    try:
        pixels = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        return f"it cannot be decoded: {error.err}"
    if pixels is not None and pixels.dtype not in (np.uint8, np.uint16):
        return f"its pixels are {pixels.dtype}; training takes unsigned 8 or 16 bits"
    return None


def _decode(content: U8) -> tuple[U8 | None, str | None]:
    """Return an image's pixels, upright, and why there are none."""
    import cv2

    try:
        pixels = decode_upright(content, cv2.IMREAD_COLOR)
    except cv2.error as error:
        return None, f"it cannot be decoded: {error.err}"
    return (None, "the image cannot be decoded") if pixels is None else (pixels, None)
