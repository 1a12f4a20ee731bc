"""Image files: any name, any content, upright, and a reason where there is no image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from yolokit.errors import DataError
from yolokit.images.files import is_image_name, read_image, writable_name, write_image

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import U8


def gradient() -> U8:
    image = np.zeros((20, 40, 3), np.uint8)
    image[:, :, 0] = np.arange(40) * 6
    return image


@pytest.mark.parametrize(
    "name", ["plain.png", "größe.png", "螺母.bmp", "with space.tiff", "a.b.PNG"]
)
def test_lossless_formats_lead_back_under_any_name(tmp_path: Path, name: str) -> None:
    write_image(tmp_path / name, gradient())
    np.testing.assert_array_equal(read_image(tmp_path / name), gradient())


def test_jpeg_comes_close(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", gradient())
    difference = read_image(tmp_path / "a.jpg").astype(int) - gradient()
    assert np.abs(difference).mean() < 3


@pytest.mark.parametrize(
    "stored",
    [
        np.full((4, 4), 100, np.uint8),
        np.full((4, 4), 100 * 257, np.uint16),
        np.dstack([np.full((4, 4, 3), 100, np.uint8), np.zeros((4, 4), np.uint8)]),
    ],
    ids=["grey", "16 bit", "transparent"],
)
def test_other_pixels_are_converted(tmp_path: Path, stored: Any) -> None:
    _, content = cv2.imencode(".png", stored)
    content.tofile(tmp_path / "a.png")
    image = read_image(tmp_path / "a.png")
    assert image.shape == (4, 4, 3)
    assert set(image.ravel().tolist()) == {100}


def exif_jpeg(orientation: int) -> bytes:
    """A JPEG of 40x20 px, dark on its left, with an EXIF orientation."""
    image = np.full((20, 40, 3), 255, np.uint8)
    image[:, :20] = 0
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0])
    tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00"
    payload = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload + jpeg[2:]


@pytest.mark.parametrize(
    ("orientation", "shape", "dark"),
    [
        (1, (20, 40), (10, 5)),
        (3, (20, 40), (10, 35)),
        (6, (40, 20), (5, 10)),
        (8, (40, 20), (35, 10)),
    ],
)
def test_exif_orientation_is_applied(
    tmp_path: Path, orientation: int, shape: tuple[int, int], dark: tuple[int, int]
) -> None:
    (tmp_path / "a.jpg").write_bytes(exif_jpeg(orientation))
    image = read_image(tmp_path / "a.jpg")
    assert image.shape[:2] == shape
    assert image[dark].max() < 30
    assert image[shape[0] - 1 - dark[0], shape[1] - 1 - dark[1]].min() > 220


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.png: cannot be read: No such file"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the file is empty"), (b"GIF89a", "not a whole image"), (b"\x00" * 99, "not a whole")],
)
def test_what_is_no_image(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        read_image(tmp_path / "a.jpg")
    assert caught.value.path == tmp_path / "a.jpg"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_half_an_image_is_none(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    content = cv2.imencode(suffix, noise)[1].tobytes()
    (tmp_path / f"a{suffix}").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="not a whole image"):
        read_image(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png", ".bmp", ".tif", ".webp"])
def test_writing_prints_nothing(
    tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write_image(tmp_path / f"a{suffix}", gradient())
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        write_image(tmp_path / "none" / "a.png", gradient())


@pytest.mark.parametrize(
    ("name", "longest_px", "expected"),
    [
        ("a.jpg", 65_500, "a.jpg"),
        ("a.jpg", 65_501, "a.png"),
        ("A.JPEG", 9, "A.JPEG"),
        ("a.JPEG", 70_000, "a.png"),
        ("a.webp", 16_383, "a.webp"),
        ("a.webp", 16_384, "a.png"),
        ("a.bmp", 70_000, "a.bmp"),
        ("dir.x/a.png", 70_000, "dir.x/a.png"),
        ("a.avif", 9, "a.jpg"),
        ("a.pgm", 9, "a.jpg"),
        ("a.ppm", 65_501, "a.png"),
        ("a", 9, "a.jpg"),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_picture_is_written_in_a_format_that_holds_it(
    name: str, longest_px: int, expected: str, turned: bool, tmp_path: Path
) -> None:
    image_wh = (1, longest_px) if turned else (longest_px, 1)
    assert writable_name(name, image_wh) == expected
    path = tmp_path / expected.rsplit("/", maxsplit=1)[-1]
    write_image(path, np.zeros((image_wh[1], image_wh[0], 3), np.uint8))
    assert read_image(path).shape == (image_wh[1], image_wh[0], 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.JPG", True),
        ("a.jpeg", True),
        ("a.tif", True),
        ("a.txt", False),
        (".jpg", False),
        ("jpg", False),
    ],
)
def test_image_names(tmp_path: Path, name: str, expected: bool) -> None:
    assert is_image_name(tmp_path / name) == expected
