"""The mode is told from the head alone."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest

from yolokit.core.types import U8
from yolokit.images.mode import tell_mode

RGBA = np.random.default_rng(0).integers(0, 255, (48, 64, 4), np.uint8)
GREY = np.ascontiguousarray(RGBA[..., 0])
RGB = np.ascontiguousarray(RGBA[..., :3])


def encode(suffix: str, pixels: U8 | np.ndarray) -> bytes:
    done, data = cv2.imencode(suffix, pixels)
    assert done
    return data.tobytes()


@pytest.mark.parametrize(
    ("suffix", "pixels", "mode"),
    [
        (".jpg", GREY, "grey"), (".jpg", RGB, "rgb"),
        (".png", GREY, "grey"), (".png", RGB, "rgb"), (".png", RGBA, "rgba"),
        (".png", GREY.astype(np.uint16) * 257, "grey 16 bit"),
        (".png", RGB.astype(np.uint16) * 257, "rgb 16 bit"),
        (".bmp", RGB, "rgb"), (".bmp", GREY, "palette"),
        (".tiff", RGB, "rgb"), (".tiff", GREY.astype(np.uint16) * 257, "grey 16 bit"),
        (".webp", RGB, "rgb"), (".webp", RGBA, "rgba"),
    ],
)  # fmt: skip
def test_what_opencv_writes(suffix: str, pixels: np.ndarray, mode: str) -> None:
    content = encode(suffix, pixels)
    assert tell_mode(content) == mode
    assert tell_mode(memoryview(content)[: None if suffix == ".tiff" else 1024]) == mode


def test_four_components_of_a_jpeg_are_cmyk() -> None:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 20, 8, 48, 64, 4)
    assert tell_mode(b"\xff\xd8" + frame + bytes(12)) == "cmyk"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff", b"BM", b"II*\0", b"<html>", b"\x89PNG\r\n"]
)
def test_what_is_odd_has_no_mode(content: bytes) -> None:
    assert tell_mode(content) == ""
