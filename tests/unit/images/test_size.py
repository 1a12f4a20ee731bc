"""Sizes read from heads equal those of the decoded image."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from yolokit.errors import DataError
from yolokit.images.byte_range import Span
from yolokit.images.size import ImageSize, read_image_size


def encode(suffix: str, width_px: int, height_px: int) -> bytes:
    noise = np.random.default_rng(1).integers(0, 255, (height_px, width_px, 3), np.uint8)
    done, data = cv2.imencode(suffix, noise)
    assert done
    return data.tobytes()


def exif(orientation: int, order: str = "<") -> bytes:
    """Return an Exif block with one tag before the orientation, as cameras write it."""
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(f"{order}I", 8)
    tags = struct.pack(f"{order}HHHII", 2, 0x010F, 2, 4, 0x00414141)
    tags += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)
    return b"Exif\x00\x00" + head + tags


def with_segment(jpeg: bytes, marker: int, payload: bytes) -> bytes:
    return (
        jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]
    )


def decoded_wh(data: bytes) -> tuple[int, int]:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image.shape[1], image.shape[0]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".jp2", ".avif"])
@pytest.mark.parametrize("wh", [(133, 77), (76, 300)])
def test_size_of_every_format(suffix: str, wh: tuple[int, int], tmp_path: Path) -> None:
    try:
        data = encode(suffix, *wh)
    except cv2.error:
        pytest.skip(f"this build of OpenCV writes no {suffix}")
    (tmp_path / "a").write_bytes(data)
    size = read_image_size(tmp_path / "a")
    assert (size.width_px, size.height_px) == decoded_wh(data) == wh


def test_only_the_head_is_needed(tmp_path: Path) -> None:
    for suffix in (".jpg", ".bmp", ".webp"):
        (tmp_path / "a").write_bytes(encode(suffix, 320, 200)[:1000])
        assert read_image_size(tmp_path / "a") == ImageSize(320, 200, 1, cut_short=True)


@pytest.mark.parametrize("wh", [(40, 24), (640, 480)])
def test_a_jpeg_without_its_end_is_told_apart(wh: tuple[int, int], tmp_path: Path) -> None:
    data = encode(".jpg", *wh)
    for cut_short in (False, True):
        (tmp_path / "a.jpg").write_bytes(data[:-1] if cut_short else data)
        assert read_image_size(tmp_path / "a.jpg") == ImageSize(*wh, 1, cut_short)


@pytest.mark.parametrize("wh", [(40, 24), (640, 480)])
@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".tif"])
def test_other_files_without_their_end(suffix: str, wh: tuple[int, int], tmp_path: Path) -> None:
    data = plain_tiff(*wh) if suffix == ".tif" else encode(suffix, *wh)
    (tmp_path / "a").write_bytes(data)
    assert read_image_size(tmp_path / "a") == ImageSize(*wh)
    for missing in (8, len(data) // 3):
        (tmp_path / "a").write_bytes(data[:-missing])
        assert read_image_size(tmp_path / "a") == ImageSize(*wh, cut_short=True)


def plain_tiff(width_px: int, height_px: int) -> bytes:
    """Return an uncompressed grey TIFF of two strips, its directory at its head."""
    half = (height_px + 1) // 2
    sizes = (half * width_px, (height_px - half) * width_px)
    start = 8 + 2 + 9 * 12 + 4
    entries = [
        (256, 4, 1, width_px), (257, 4, 1, height_px), (258, 3, 1, 8), (259, 3, 1, 1),
        (262, 3, 1, 1), (273, 4, 2, start), (277, 3, 1, 1), (278, 4, 1, half),
        (279, 4, 2, start + 8),
    ]  # fmt: skip
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    head += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    offsets = (start + 16, start + 16 + sizes[0])
    return head + struct.pack("<4I", *offsets, *sizes) + bytes(sum(sizes))


@pytest.mark.parametrize("behind", [bytes(100), b"a film" * 20_000])
def test_a_jpeg_with_something_behind_its_end_is_whole(behind: bytes, tmp_path: Path) -> None:
    """Cameras put films there; a preview within the head ends with the same marker."""
    data = with_segment(encode(".jpg", 64, 48), 0xE1, b"preview\xff\xd9")
    (tmp_path / "a.jpg").write_bytes(data + behind)
    assert read_image_size(tmp_path / "a.jpg") == ImageSize(64, 48)
    (tmp_path / "a.jpg").write_bytes(data[:-9] + behind)
    assert read_image_size(tmp_path / "a.jpg").cut_short


def test_lossless_webp(tmp_path: Path) -> None:
    image = np.zeros((20, 30, 3), np.uint8)
    _, data = cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 101])
    assert data.tobytes()[12:16] == b"VP8L"
    (tmp_path / "a").write_bytes(data.tobytes())
    assert read_image_size(tmp_path / "a") == ImageSize(30, 20)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_exif_orientation_counts_as_it_does_for_opencv(
    orientation: int, order: str, tmp_path: Path
) -> None:
    data = with_segment(encode(".jpg", 40, 24), 0xE1, exif(orientation, order))
    (tmp_path / "a.jpg").write_bytes(data)
    size = read_image_size(tmp_path / "a.jpg")
    assert (size.width_px, size.height_px) == decoded_wh(data)
    assert size.orientation == orientation
    assert size.stored_wh == (40, 24)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_a_nonsense_orientation_is_none(orientation: int, tmp_path: Path) -> None:
    data = with_segment(encode(".jpg", 40, 24), 0xE1, exif(orientation))
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_image_size(tmp_path / "a.jpg") == ImageSize(40, 24)
    assert decoded_wh(data) == (40, 24)


def test_a_damaged_exif_block_is_none(tmp_path: Path) -> None:
    for block in (b"Exif\x00\x00", b"Exif\x00\x00II*\x00\xff\xff\xff\x7f", exif(6)[:-9]):
        data = with_segment(encode(".jpg", 40, 24), 0xE1, block)
        (tmp_path / "a.jpg").write_bytes(data)
        assert read_image_size(tmp_path / "a.jpg") == ImageSize(40, 24)


def test_a_frame_beyond_the_first_64_kilobytes(tmp_path: Path) -> None:
    data = encode(".jpg", 40, 24)
    for _ in range(3):
        data = with_segment(data, 0xE2, b"ICC_PROFILE\x00" + bytes(60_000))
    (tmp_path / "a.jpg").write_bytes(data)
    assert read_image_size(tmp_path / "a.jpg") == ImageSize(40, 24)


@pytest.mark.parametrize("wh", [(40, 24), (240, 200)])
@pytest.mark.parametrize("at", [33, -12])
def test_png_with_an_orientation_before_or_behind_the_pixels(
    at: int, wh: tuple[int, int], tmp_path: Path
) -> None:
    payload = exif(6)[6:]
    chunk = b"eXIf" + payload
    whole = struct.pack(">I", len(payload)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    png = encode(".png", *wh)
    data = png[:at] + whole + png[at:]
    (tmp_path / "a.png").write_bytes(data)
    size = read_image_size(tmp_path / "a.png")
    assert (size.width_px, size.height_px) == decoded_wh(data)


@pytest.mark.parametrize("wh", [(40, 24), (240, 200)])
@pytest.mark.parametrize("missing", [1, 13, 1000])
def test_png_that_is_cut_short_is_no_image(
    missing: int, wh: tuple[int, int], tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(encode(".png", *wh)[:-missing])
    with pytest.raises(DataError, match="not an image that can be decoded"):
        read_image_size(tmp_path / "a.png")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no image",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(500),
        b"\xff\xd8" + b"\xff" * 1000,
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"BM" + bytes(5),
        b"BM" + bytes(100),
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"RIFF\x00\x00\x00\x00WAVE" + bytes(100),
        b"II*\x00\xff\xff\xff\xff",
        b"MM\x00*\x00\x00\x00\x08\xff\xff" + bytes(30),
    ],
)
def test_what_is_no_image_is_an_error_with_its_path(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_image_size(tmp_path / "a.jpg")
    assert caught.value.path == tmp_path / "a.jpg"


def test_a_missing_file_and_a_folder_are_errors(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jpg", tmp_path, Path("a\0b.jpg")):
        with pytest.raises(DataError, match="cannot read the image"):
            read_image_size(path)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes in folders there")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="is a pipe, not a file"):
        read_image_size(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="is a device, not a file"):
        read_image_size(tmp_path / "b.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
@pytest.mark.parametrize("wh", [(133, 77), (400, 300)])
def test_an_image_inside_another_file(suffix: str, wh: tuple[int, int], tmp_path: Path) -> None:
    data = encode(suffix, *wh)
    if suffix == ".jpg":  # the size stands behind the first 64 KiB, and another image follows
        data = with_segment(with_segment(data, 0xE1, exif(6)), 0xE2, bytes(65_000))
        data = with_segment(data, 0xE2, bytes(65_000))
    other = encode(suffix, 9, 9)
    path = tmp_path / "a.record"
    path.write_bytes(other + data + other)
    span = Span(len(other), len(data))
    size = read_image_size(path, span)
    assert (size.width_px, size.height_px) == decoded_wh(data)
    assert not size.cut_short
    if suffix == ".jpg":
        assert size.orientation == 6
        assert read_image_size(path, Span(len(other), len(data) - 2)).cut_short


def test_a_png_inside_another_file_that_is_cut_short_is_no_image(tmp_path: Path) -> None:
    data = encode(".png", 400, 300)
    path = tmp_path / "a.record"
    path.write_bytes(data + data)
    with pytest.raises(DataError, match="not an image that can be decoded"):
        read_image_size(path, Span(0, len(data) - 20))
