"""Images are decoded upright, whether EXIF says how or the file's own properties do."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from yolokit.images.files import read_image
from yolokit.images.iso_media import avif_orientation, is_avif
from yolokit.images.orientation import turn_upright
from yolokit.images.pixels import decode_upright
from yolokit.images.size import ImageSize, read_image_size

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import U8

pytestmark = pytest.mark.skipif(
    not (hasattr(cv2, "imencodeWithMetadata") and cv2.haveImageWriter("a.avif")),
    reason="this build of OpenCV writes no AVIF",
)


def picture() -> U8:
    """40x24 px: white in its first corner, grey in the next one."""
    image = np.zeros((24, 40, 3), np.uint8)
    image[:8, :8], image[:8, 32:] = 255, 120
    return image


def encode_avif(orientation: int) -> bytes:
    """An AVIF as libavif writes it: EXIF, and the same as ``irot`` and ``imir``."""
    head = b"II*\x00" + struct.pack("<IHHHIHH", 8, 1, 0x0112, 3, 1, orientation, 0) + bytes(4)
    metadata: Any = [np.frombuffer(head, np.uint8)]
    done, content = cv2.imencodeWithMetadata(
        ".avif", picture(), [cv2.IMAGE_METADATA_EXIF], metadata, [cv2.IMWRITE_AVIF_QUALITY, 95]
    )
    assert done
    return content.tobytes()


def decode(content: bytes) -> U8:
    image = decode_upright(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_once(orientation: int, tmp_path: Path) -> None:
    content = encode_avif(orientation)
    assert is_avif(content)
    assert avif_orientation(content) == orientation
    expected = turn_upright(picture(), orientation)
    seen = decode(content)
    assert seen.shape == expected.shape
    assert np.abs(seen.astype(int) - expected).mean() < 8

    path = tmp_path / "a.jpg"  # the content decides
    path.write_bytes(content)
    assert np.array_equal(read_image(path), seen)
    height_px, width_px = expected.shape[:2]
    assert read_image_size(path) == ImageSize(width_px, height_px, orientation)


def test_exif_alone_does_not_turn_an_avif() -> None:
    content = encode_avif(1)
    at = content.index(struct.pack("<HHIHH", 0x0112, 3, 1, 1, 0))
    turned = content[:at] + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + content[at + 12 :]
    assert decode(turned).shape == (24, 40, 3)


@pytest.mark.parametrize("orientation", [1, 5, 6])
def test_damaged_properties_say_nothing(orientation: int) -> None:
    content = encode_avif(orientation)
    for length in range(len(content)):
        assert avif_orientation(content[:length]) in (1, orientation)
        flipped = bytearray(content)
        flipped[length] ^= 0xFF
        assert 1 <= avif_orientation(bytes(flipped)) <= 8
