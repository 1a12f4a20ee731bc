"""An image as a model takes it: bit for bit as upstream prepares it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from yolokit.core.types import Letterbox
from yolokit.runtime.manifest import ModelIO
from yolokit.runtime.model_input import make_input, plan_letterbox

if TYPE_CHECKING:
    from yolokit.core.types import F32, U8

SIZES = [(640, 480), (480, 640), (1920, 1080), (333, 641), (64, 64), (31, 97), (1, 700), (2000, 3)]


def model_io(shape: tuple[int | None, ...] = (1, 3, 640, 640), **changed: object) -> ModelIO:
    assert len(shape) == 4
    return ModelIO(input_name="images", shape=shape, input_wh=(640, 640), **changed)  # type: ignore[arg-type]


def noise(width: int, height: int) -> U8:
    return np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)


def upstream_letterbox(bgr: U8, new_hw: tuple[int, int], stride_px: int | None) -> U8:
    """ultralytics 8.4.190 data/augment.py:LetterBox, centred; ``stride_px`` is its ``auto``."""
    height, width = bgr.shape[:2]
    ratio = min(new_hw[0] / height, new_hw[1] / width)
    unpad = max(round(width * ratio), 1), max(round(height * ratio), 1)
    dw, dh = float(new_hw[1] - unpad[0]), float(new_hw[0] - unpad[1])
    if stride_px is not None:
        dw, dh = float(np.mod(dw, stride_px)), float(np.mod(dh, stride_px))
    dw, dh = dw / 2, dh / 2
    if (width, height) != unpad:
        bgr = cv2.resize(bgr, unpad, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return cv2.copyMakeBorder(  # type: ignore[return-value]
        bgr,
        round(dh - 0.1),
        round(dh + 0.1),
        round(dw - 0.1),
        round(dw + 0.1),
        cv2.BORDER_CONSTANT,
        value=(114, 114, 114),
    )


def upstream_input(boxed: U8) -> F32:
    """ultralytics 8.4.190 engine/predictor.py:preprocess: BGR to RGB, HWC to CHW, over 255."""
    planes = boxed[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    return planes / np.float32(255)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_fixed_input_equals_upstreams(width: int, height: int) -> None:
    bgr, io = noise(width, height), model_io()
    tensor = make_input(bgr, plan_letterbox((width, height), io), io)
    assert tensor.shape == (1, 3, 640, 640)
    assert tensor.dtype == np.float32
    np.testing.assert_array_equal(tensor, upstream_input(upstream_letterbox(bgr, (640, 640), None)))


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_dynamic_input_equals_upstreams_rectangle(width: int, height: int) -> None:
    bgr, io = noise(width, height), model_io((None, 3, None, None))
    tensor = make_input(bgr, plan_letterbox((width, height), io), io)
    np.testing.assert_array_equal(tensor, upstream_input(upstream_letterbox(bgr, (640, 640), 32)))


def test_a_fixed_input_need_not_be_square() -> None:
    letterbox = plan_letterbox((640, 480), model_io((1, 3, 320, 640)))
    assert letterbox == Letterbox.fit((640, 480), (640, 320))


def test_only_a_model_with_both_sides_dynamic_gets_a_rectangle() -> None:
    assert plan_letterbox((640, 480), model_io((1, 3, None, 640))).input_wh == (640, 640)
    assert plan_letterbox((640, 480), model_io((1, 3, None, None))).input_wh == (640, 480)


def test_colour_order_scale_and_border_are_the_models() -> None:
    io = model_io((1, 3, 4, 8), color_order="bgr", pixel_scale=1.0, pad_value=7)
    bgr = np.full((4, 4, 3), (10, 20, 30), np.uint8)
    tensor = make_input(bgr, plan_letterbox((4, 4), io), io)
    assert tensor[0, :, 0, 2:6].tolist() == [[10.0] * 4, [20.0] * 4, [30.0] * 4]
    assert set(tensor[0, :, :, :2].ravel().tolist()) == {7.0}
    assert set(tensor[0, :, :, 6:].ravel().tolist()) == {7.0}


def test_an_image_may_be_a_view() -> None:
    whole, io = noise(80, 60), model_io()
    part = whole[::2, 10:70]
    letterbox = plan_letterbox((60, 30), io)
    np.testing.assert_array_equal(
        make_input(part, letterbox, io), make_input(part.copy(), letterbox, io)
    )
