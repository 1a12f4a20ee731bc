"""Boxes around masks equal those of pycocotools; masks as PNG cannot fill the memory."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as pycocotools

from yolokit.formats.toolkit import mask_codecs
from yolokit.formats.toolkit.mask_codecs import (
    box_of_mask,
    decode_base64,
    decode_png_mask,
    inflate,
    require_area,
)
from yolokit.labels.shapes import Shape


def random_mask(seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 40, 2)
    mask = np.zeros((height, width), np.uint8)
    for _ in range(rng.integers(0, 4)):
        y, x = rng.integers(0, height), rng.integers(0, width)
        mask[y : y + rng.integers(1, 20), x : x + rng.integers(1, 20)] = 1
    return mask


def expected(mask: np.ndarray[Any, np.dtype[np.uint8]]) -> tuple[float, ...] | None:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("seed", range(40))
def test_run_lengths_as_a_list_and_as_a_compressed_string(seed: int) -> None:
    mask = random_mask(seed)
    encoded = pycocotools.encode(np.asfortranarray(mask))
    text = encoded["counts"].decode()
    flat = mask.ravel(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [2]])))
    counts = np.diff(np.concatenate([[0], edges])).tolist()
    size = list(mask.shape)
    assert box_of_mask({"size": size, "counts": text}) == expected(mask)
    assert box_of_mask({"size": size, "counts": counts}) == expected(mask)


def test_a_full_mask() -> None:
    assert box_of_mask({"size": [3, 4], "counts": [0, 12]}) == (0, 0, 4, 3)


@pytest.mark.parametrize(
    "mask",
    [
        {"size": [3, 4], "counts": "!"},
        {"size": [3, 4], "counts": "o"},
        {"size": [3, 4], "counts": "o" * 100_000},
        {"size": [3, 4], "counts": [1, -1, 12]},
        {"size": [3, 4], "counts": [1.5, 10.5]},
        {"size": [3, 4], "counts": None},
        {"size": [3], "counts": [3]},
        {"size": ["3", 4], "counts": [12]},
        {"size": [0, 0], "counts": []},
        {"size": [10**9, 10**9], "counts": [10**18]},
        {"size": [3, 4], "counts": [2**80]},
        {},
        [[0, 0, 1, 1, float("nan"), 2]],
        [[0, 0, 1, 1]],
        [{"x": 1}],
        7,
    ],
)
def test_what_is_no_mask_is_refused(mask: Any) -> None:
    with pytest.raises(ValueError):
        box_of_mask(mask)


def png(pixels: Any) -> bytes:
    done, data = cv2.imencode(".png", np.asarray(pixels, np.uint8))
    assert done
    return data.tobytes()


MASK = [[0, 1, 0], [255, 0, 0]]
SET = [[False, True, False], [True, False, False]]


def test_grey_colour_and_alpha() -> None:
    grey = np.array(MASK)
    assert decode_png_mask(png(grey)).tolist() == SET
    colour = np.zeros((2, 3, 3))
    colour[..., 1] = grey
    assert decode_png_mask(png(colour)).tolist() == SET
    alpha = np.full((2, 3, 4), 9)
    alpha[..., 3] = grey
    assert decode_png_mask(png(alpha)).tolist() == SET


def bomb(width: int, height: int) -> bytes:
    """Make a PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\x00"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + pixels + chunk(b"IEND", b"")


def test_the_size_is_looked_at_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    for size in ((1 << 20, 1 << 20), (0, 5), (1 << 31, 1)):
        with pytest.raises(ValueError, match="is not decoded"):
            decode_png_mask(bomb(*size))


DAMAGED = png(MASK)[:45] + b"\x00\x00\x00" + png(MASK)[48:]


@pytest.mark.parametrize(
    "data",
    [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" * 9, *(png(MASK)[:at] for at in (30, 50, -1)), DAMAGED],
)
def test_what_is_no_png_is_refused(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=r"not a PNG|cut short|damaged"):
        decode_png_mask(data)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("text", ["*", "abc", "é", 5, None])
def test_what_is_no_base64_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="base64"):
        decode_base64(text)


def test_a_bomb_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    assert inflate(zlib.compress(b"abc")) == b"abc"
    monkeypatch.setattr(mask_codecs, "MAX_PNG_BYTES", 1 << 20)
    with pytest.raises(ValueError, match="more than 1 MiB"):
        inflate(zlib.compress(bytes(1 << 24)))
    with pytest.raises(ValueError, match="cut short"):
        inflate(zlib.compress(bytes(1000))[:-5])
    with pytest.raises(ValueError, match="not compressed"):
        inflate(b"abc")


def test_base64_holds_bytes() -> None:
    assert decode_base64(base64.b64encode(b"abc").decode()) == b"abc"
    assert decode_base64(base64.encodebytes(bytes(99)).decode()) == bytes(99)


def test_a_mask_that_covers_nothing_is_no_annotation() -> None:
    shape = Shape((np.zeros((3, 2)),))
    assert require_area(shape, "the mask") is shape
    with pytest.raises(ValueError, match="the brush covers nothing"):
        require_area(None, "the brush")
