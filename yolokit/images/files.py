"""Read and write image files, under names of any script on every system."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

import numpy as np

from yolokit.errors import DataError
from yolokit.files.file_kind import tell_kind
from yolokit.files.regular_file import why_no_file
from yolokit.images.pixels import decode_upright
from yolokit.images.undecoded import describe_content

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import U8

# What OpenCV decodes in every build of opencv-python.
_IMAGE_NAME = re.compile(
    r".\.(apng|avif|bmp|dib|jfif|jp2|jpe|jpe?g|mpo|pbm|pgm|png|pnm|ppm|tiff?|webp)$", re.IGNORECASE
)
WRITE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
# Longest sides in px that an encoder takes; PNG takes more than OpenCV reads.
_LONGEST_PX = {".jpg": 65_500, ".jpeg": 65_500, ".webp": 16_383}

# Not one picture's fault: whatever is written next fails as well.
_LASTING = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE))


def is_image_name(path: Path) -> bool:
    """Tell by its suffix whether a file is an image."""
    return _IMAGE_NAME.search(path.name) is not None


def read_image(path: Path) -> U8:
    """Decode an image file, upright as it says that it is to be seen.

    Args:
        path: Any format that OpenCV decodes; the content decides, not the name.

    Returns:
        (H, W, 3) uint8 BGR; grey, 16-bit and transparent images are converted.

    Raises:
        DataError: The file cannot be read or decoded.
    """
    return decode_image(read_content(path), path)


def read_content(path: Path) -> U8:
    """Return the bytes of a file, (N,) uint8, N > 0.

    Raises:
        DataError: It is not a regular file, it is empty, or it cannot be read.
    """
    reason = why_no_file(path)
    if reason is not None:
        raise DataError(reason, path=path)
    try:
        # Not cv2.imread: on Windows that opens no path outside the local code page.
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path=path) from error
    if not content.size:
        raise DataError("the file is empty", path=path)
    return content


def decode_image(content: U8, path: Path) -> U8:
    """Decode the content of an image file; see :func:`read_image`.

    Raises:
        DataError: It cannot be decoded.
    """
    import cv2

    try:
        image = decode_upright(content, cv2.IMREAD_COLOR)
    except cv2.error as error:
        is_limit = "CV_IO_MAX_IMAGE" in error.err
        reason = "it has more pixels than OpenCV decodes" if is_limit else error.err
        raise DataError(f"cannot be decoded: {reason}", path=path) from error
    except MemoryError as error:
        raise DataError("cannot be decoded: there is not enough memory", path=path) from error
    if image is None:
        raise DataError(_describe(content[:512].tobytes()), path=path)
    return image


def _describe(head: bytes) -> str:
    """Say what begins like this and is not an image that is read."""
    known = describe_content(head)
    if known is not None:
        return known
    kind = tell_kind(head)
    what = f": it is {kind}" if kind is not None and kind.group != "image" else ""
    return f"not a whole image that OpenCV can decode{what}"


def writable_name(name: str, image_wh: tuple[int, int]) -> str:
    """Return the file name under which ``write_image`` can store an image of this name and size.

    Formats that cannot be written become JPEG, and what is too long for its format PNG.
    """
    dot = name.rfind(".")
    stem = name[:dot] if dot > 0 else name
    suffix = name[dot:].lower() if dot >= 0 else ""
    if suffix not in WRITE_SUFFIXES:
        name, suffix = f"{stem}.jpg", ".jpg"
    return name if max(image_wh) <= _LONGEST_PX.get(suffix, max(image_wh)) else f"{stem}.png"


def write_image(path: Path, bgr: U8) -> None:
    """Encode an image in the format of the path's suffix.

    Raises:
        DataError: It cannot be encoded or written.
        OSError: Nothing more can be written at all: the disk is full, say.
    """
    import cv2

    # Looked at more often than kept: PNG is written fast rather than small.
    settings = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 92],
        ".png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
    }
    try:
        done, content = cv2.imencode(path.suffix, bgr, settings.get(path.suffix.lower(), []))
    except cv2.error as error:
        raise DataError(f"cannot be encoded: {error.err}", path=path) from error
    if not done:
        raise DataError(f"cannot be encoded as {path.suffix}", path=path)
    try:
        with path.open("wb") as stream:
            stream.write(content.data)
    except OSError as error:
        if is_lasting(error):
            raise
        raise DataError(f"cannot be written: {error.strerror}", path=path) from error


def is_lasting(error: OSError) -> bool:
    """Tell whether an error of writing will meet every further file too."""
    return error.errno in _LASTING
