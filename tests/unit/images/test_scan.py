"""Images are held against what ultralytics will ask of them, and none is changed."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.unit.conftest import write_image
from yolokit.images.scan import scan_image, scan_images

NOISE = np.random.default_rng(3).integers(0, 255, (48, 64, 3), np.uint8)


def encode(suffix: str, pixels: np.ndarray = NOISE) -> bytes:
    done, data = cv2.imencode(suffix, pixels)
    assert done
    return data.tobytes()


def exif(orientation: int) -> bytes:
    tags = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", len(tags) + 8) + b"Exif\0\0" + tags


def spoil_checksum(png: bytes) -> bytes:
    at = png.index(b"IEND") - 8  # the checksum of the last block of pixels
    return png[:at] + bytes([png[at] ^ 1]) + png[at + 1 :]


def claim_size(png: bytes, width_px: int, height_px: int) -> bytes:
    head = b"IHDR" + struct.pack(">II", width_px, height_px) + png[24:29]
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".jp2", ".avif"])
def test_a_whole_image_can_be_used_under_any_name(suffix: str, tmp_path: Path) -> None:
    try:
        content = encode(suffix)
    except cv2.error:
        pytest.skip(f"this build of OpenCV writes no {suffix}")
    (tmp_path / "a.jpg").write_bytes(content)
    assert scan_image(str(tmp_path / "a.jpg")).problem is None


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".jp2", ".avif"])
@pytest.mark.parametrize("share", [0.999, 0.9, 0.5])
def test_an_image_that_is_cut_short_cannot(suffix: str, share: float, tmp_path: Path) -> None:
    try:
        content = encode(suffix)
    except cv2.error:
        pytest.skip(f"this build of OpenCV writes no {suffix}")
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content[: int(len(content) * share)])
    assert scan_image(str(path)).problem is not None
    assert path.read_bytes() == content[: int(len(content) * share)], "it is left as it was"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (encode(".ppm"), "a Netpbm picture, whatever its name says"),
        (encode(".ras"), "its content is something else"),
        (spoil_checksum(encode(".png")), "a checksum in it is wrong"),
        (claim_size(encode(".png"), 20_000, 10_000), "20000x10000 px; ultralytics reads"),
        (encode(".png", NOISE[:9]), "64x9 px; training needs 10 px"),
        (encode(".tiff", NOISE.astype(np.float32)), "its pixels are float32"),
        (encode(".tiff", NOISE[..., 0].astype(np.float32)), "its pixels are float32"),
        (b"<html>not found</html>", "not an image that can be decoded"),
        (b"", "the file is empty"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_its_reason(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert reason in (scan_image(str(path)).problem or "")


@pytest.mark.parametrize("pixels", [NOISE.astype(np.uint16) * 257, NOISE[..., 0]])
def test_16_bits_and_grey_can_be_used(pixels: np.ndarray, tmp_path: Path) -> None:
    for suffix in (".png", ".tiff"):
        (tmp_path / "a").write_bytes(encode(suffix, pixels))
        assert scan_image(str(tmp_path / "a")).problem is None


@pytest.mark.parametrize("name", ["two\nlines.jpg", "a\u2028b.jpg", "no\udcff.jpg"])
def test_a_name_that_no_list_can_hold(name: str, tmp_path: Path) -> None:
    reason = scan_image(str(tmp_path / name)).problem
    assert reason is not None
    assert "its name" in reason


def test_many_images_are_looked_at_in_order_and_counted(tmp_path: Path) -> None:
    paths = [str(write_image(tmp_path / f"{number}.png")) for number in range(70)]
    Path(paths[40]).write_bytes(b"")
    told: list[int] = []
    scans = scan_images(paths, on_progress=told.append)
    assert list(scans) == paths
    problems = {path: scan.problem for path, scan in scans.items() if scan.problem}
    assert problems == {paths[40]: "the file is empty"}
    assert told == [32, 64, 70]


def test_without_decoding_damage_within_is_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(spoil_checksum(encode(".png")))
    scan = scan_image(str(path), decode=False)
    assert (scan.problem, scan.wh_px) == (None, (64, 48))
    assert (scan.digest, scan.hash_bits) == (b"", None), "it was not read whole"


def test_what_an_image_is_comes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    content = encode(".jpg")
    path.write_bytes(content[:2] + exif(6) + content[2:])
    scan = scan_image(str(path))
    assert (scan.problem, scan.wh_px, scan.orientation, scan.mode) == (None, (48, 64), 6, "rgb")
    assert scan.digest == hashlib.sha256(path.read_bytes()).digest()


def test_the_hash_is_that_of_the_picture_as_it_is_seen(tmp_path: Path) -> None:
    smooth = cv2.resize(NOISE, (640, 480), interpolation=cv2.INTER_CUBIC)
    (tmp_path / "upright.jpg").write_bytes(encode(".jpg", smooth))
    lying = encode(".jpg", cv2.rotate(smooth, cv2.ROTATE_90_COUNTERCLOCKWISE))
    (tmp_path / "turned.jpg").write_bytes(lying[:2] + exif(6) + lying[2:])
    upright, turned = (scan_image(str(tmp_path / name)) for name in ("upright.jpg", "turned.jpg"))
    assert upright.hash_bits is not None
    assert turned.hash_bits is not None
    assert np.count_nonzero(upright.hash_bits != turned.hash_bits) <= 2


def test_a_damaged_image_has_a_digest_and_no_hash(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(spoil_checksum(encode(".png")))
    scan = scan_image(str(path))
    assert scan.problem is not None
    assert (len(scan.digest), scan.hash_bits) == (32, None)


def test_an_image_that_does_not_fit_into_memory_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise MemoryError

    path = write_image(tmp_path / "a.png")
    monkeypatch.setattr(np, "fromfile", fail)
    scan = scan_image(str(path))
    assert (scan.problem, scan.wh_px) == ("there is not enough memory to decode it", (64, 48))
