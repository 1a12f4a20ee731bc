"""Decoding of images: one place that says what upright is, for labels and for the runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from yolokit.images.iso_media import avif_orientation, is_avif
from yolokit.images.orientation import UPRIGHT, turn_upright

if TYPE_CHECKING:
    from yolokit.core.types import U8


def decode_upright(content: U8, flags: int) -> U8 | None:
    """Decode an image and turn it as it says that it is to be seen.

    OpenCV follows the EXIF orientation of all formats, and of AVIF too, where it counts for
    nothing, but knows nothing of AVIF's own.

    Args:
        content: (N,) uint8, the whole file; not empty.
        flags: As for ``cv2.imdecode``; not to be ``IMREAD_UNCHANGED``, which turns nothing.

    Returns:
        The pixels, (H, W) or (H, W, C); None where it cannot be decoded.

    Raises:
        cv2.error: It cannot be decoded either.
    """
    import cv2

    orientation = own_orientation(content)
    if orientation is not None:
        flags |= cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cast("U8 | None", cv2.imdecode(content, flags))
    return None if pixels is None else turn_upright(pixels, orientation or UPRIGHT)


def own_orientation(content: U8) -> int | None:
    """Return the orientation, 1 to 8, that a container states in its own way; None for EXIF's."""
    head = content[:1024].tobytes()
    return avif_orientation(content.data) if is_avif(head) else None
