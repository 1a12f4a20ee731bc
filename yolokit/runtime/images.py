"""Read and write image files, under names of any script on every system."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.file_kind import read_kind
from yolokit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import U8

# What OpenCV decodes in every build of opencv-python.
_IMAGE_NAME = re.compile(
    r".\.(avif|bmp|dib|jfif|jp2|jpe|jpe?g|pbm|pgm|png|pnm|ppm|tiff?|webp)$", re.IGNORECASE
)
_WRITE_SUFFIXES = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


def is_image_name(path: Path) -> bool:
    """Tell by its suffix whether a file is an image."""
    return _IMAGE_NAME.search(path.name) is not None


def read_image(path: Path) -> U8:
    """Decode an image file, upright as its EXIF orientation says.

    Args:
        path: Any format that OpenCV decodes; the content decides, not the name.

    Returns:
        (H, W, 3) uint8 BGR; grey, 16-bit and transparent images are converted.

    Raises:
        DataError: The file cannot be read or decoded.
    """
    import cv2

    try:
        # Not cv2.imread: on Windows that opens no path outside the local code page.
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path=path) from error
    if not content.size:
        raise DataError("the file is empty", path=path)
    try:
        image = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise DataError(f"cannot be decoded: {error.err}", path=path) from error
    if image is None:
        kind = read_kind(path, expected="image")
        what = f": it is {kind}" if kind else ""
        raise DataError(f"not a whole image that OpenCV can decode{what}", path=path)
    return image  # type: ignore[return-value]


def writable_name(name: str) -> str:
    """Return the file name under which ``write_image`` can store an image of this name."""
    dot = name.rfind(".")
    has_suffix = dot >= 0 and name[dot:].lower() in _WRITE_SUFFIXES
    return name if has_suffix else f"{name[:dot] if dot > 0 else name}.jpg"


def write_image(path: Path, bgr: U8) -> None:
    """Encode an image in the format of the path's suffix.

    Raises:
        DataError: It cannot be encoded or written.
    """
    import cv2

    # Looked at more often than kept: PNG is written fast rather than small.
    settings = {
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 92],
        ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 92],
        ".png": [cv2.IMWRITE_PNG_COMPRESSION, 1],
    }
    try:
        _, content = cv2.imencode(path.suffix, bgr, settings.get(path.suffix.lower(), []))
        content.tofile(path)
    except (cv2.error, OSError) as error:
        raise DataError(f"cannot be written: {error}", path=path) from error
