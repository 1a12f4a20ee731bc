"""The hash changes little where a picture does, and much where it is another one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from yolokit.core.types import U8
from yolokit.images.difference_hash import HASH_BITS, hash_pixels, mirror_hashes


def draw(seed: int) -> U8:
    """Return a picture of soft blobs, 640x480 px."""
    cells = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), np.uint8)
    return np.asarray(cv2.resize(cells, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def hash_of(pixels: U8) -> U8:
    found = hash_pixels(pixels)
    assert found is not None
    assert found.shape == (HASH_BITS,)
    return found


def compress(pixels: U8, quality: int) -> U8:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_picture_has_nearly_the_same_bits(seed: int) -> None:
    picture = draw(seed)
    changed = [
        compress(picture, 40),
        cv2.resize(picture, (317, 241), interpolation=cv2.INTER_AREA),
        np.clip(picture.astype(np.int16) + 20, 0, 255).astype(np.uint8),
        cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY),
    ]
    for other in changed:
        assert np.count_nonzero(hash_of(picture) != hash_of(np.asarray(other, np.uint8))) <= 6


def test_another_picture_has_other_bits() -> None:
    hashes = [hash_of(draw(seed)) for seed in range(20)]
    far = [np.count_nonzero(a != b) for at, a in enumerate(hashes) for b in hashes[at + 1 :]]
    assert min(far) > 25


def test_the_hash_of_the_mirrored_picture_is_known_without_it() -> None:
    picture = draw(0)
    mirrored = mirror_hashes(hash_of(picture)[None])[0]
    assert np.count_nonzero(mirrored != hash_of(picture[:, ::-1].copy())) <= 2
    assert np.count_nonzero(mirrored != hash_of(picture)) > 25


@pytest.mark.parametrize("level", [0, 127, 255])
def test_a_flat_picture_has_no_hash(level: int) -> None:
    flat = np.full((480, 640, 3), level, np.uint8)
    noise = np.random.default_rng(0).integers(-3, 4, flat.shape)
    assert hash_pixels(flat) is None
    assert hash_pixels(np.clip(flat + noise, 0, 255).astype(np.uint8)) is None


@pytest.mark.parametrize("wh", [(10, 10), (9, 2000), (2000, 10), (129, 128)])
def test_pictures_of_any_shape_have_one(wh: tuple[int, int]) -> None:
    small = cv2.resize(draw(1), wh, interpolation=cv2.INTER_AREA)
    assert hash_of(np.asarray(small, np.uint8)).dtype == np.uint8
