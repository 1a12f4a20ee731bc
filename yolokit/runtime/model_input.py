"""An image as a model takes it: letterboxed, in the model's order of channels, and scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.types import Letterbox

if TYPE_CHECKING:
    from yolokit.core.types import F32, U8
    from yolokit.runtime.manifest import ModelIO


def plan_letterbox(image_wh: tuple[int, int], io: ModelIO) -> Letterbox:
    """Choose how an image goes into a model's input.

    Where the model fixes height and width the image is centred in them. Where both are dynamic
    the border is only what the stride needs, as ultralytics' rectangular inference has it.
    """
    if has_fixed_side(io):
        return Letterbox.fit(image_wh, choose_input_wh(io))
    square = Letterbox.fit(image_wh, io.input_wh)
    spare_w = (io.input_wh[0] - square.resized_wh[0]) % io.stride_px
    spare_h = (io.input_wh[1] - square.resized_wh[1]) % io.stride_px
    return Letterbox(
        scale=square.scale,
        pad_xy=(round(spare_w / 2 - 0.1), round(spare_h / 2 - 0.1)),
        image_wh=image_wh,
        input_wh=(square.resized_wh[0] + spare_w, square.resized_wh[1] + spare_h),
    )


def has_fixed_side(io: ModelIO) -> bool:
    """Tell whether a model fixes the height or the width of its input."""
    return io.shape[2] is not None or io.shape[3] is not None


def choose_input_wh(io: ModelIO) -> tuple[int, int]:
    """Return width and height in px that an image is fitted into, where a side is dynamic too."""
    return io.shape[3] or io.input_wh[0], io.shape[2] or io.input_wh[1]


def lay_out_image(bgr: U8, io: ModelIO) -> U8:
    """Return an image (H, W, 3) uint8 BGR with its channels in the order of the model's input."""
    import cv2

    if io.color_order == "bgr":
        return np.ascontiguousarray(bgr)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def make_input(bgr: U8, letterbox: Letterbox, io: ModelIO) -> F32:
    """Letterbox an image (H, W, 3) uint8 BGR and lay it out as one input (1, 3, H, W) float32.

    Every value equals that of ultralytics' ``LetterBox`` followed by a division by 255, bit for
    bit: one cv2.resize, then one division per channel straight into the tensor. (A detour over
    ``cv2.dnn.blobFromImage`` takes ten times as long.)
    """
    import cv2

    divisor = np.float32(1 / io.pixel_scale)
    if letterbox.resized_wh != letterbox.image_wh:
        bgr = cv2.resize(bgr, letterbox.resized_wh, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    planes = cv2.split(bgr)
    if io.color_order == "rgb":
        planes = planes[::-1]
    (width, height), (left, top) = letterbox.resized_wh, letterbox.pad_xy
    tensor = np.empty((1, 3, letterbox.input_wh[1], letterbox.input_wh[0]), np.float32)
    _fill_border(tensor[0], letterbox, np.float32(io.pad_value) / divisor)
    for channel, plane in zip(tensor[0], planes, strict=True):
        np.divide(plane, divisor, out=channel[top : top + height, left : left + width])
    return tensor


def _fill_border(channels: F32, letterbox: Letterbox, value: np.float32) -> None:
    (width, height), (left, top) = letterbox.resized_wh, letterbox.pad_xy
    channels[:, :top] = value
    channels[:, top + height :] = value
    channels[:, top : top + height, :left] = value
    channels[:, top : top + height, left + width :] = value
