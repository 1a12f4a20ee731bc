"""The letterbox as part of a graph: an image (H, W, 3) uint8 of any size becomes the input.

It gives what the runtime's ``make_input`` gives, bit for bit: OpenCV's ``INTER_LINEAR`` mixes
pixels with whole multiples of 1/2048 and drops bits on the way, which ONNX's ``Resize`` does
not. Places and weights are whole numbers and float32 whose results are exact, so that every
engine finds the same ones.
Source: OpenCV ``modules/imgproc/src/resize.cpp``, ``HResizeLinear`` and ``VResizeLinear``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from yolokit.export.embed.builder import Builder
    from yolokit.runtime.manifest import ModelIO

_ONE = 2048.0  # OpenCV's weight of a pixel that counts alone


@dataclass(frozen=True, slots=True)
class Fit:
    """Where images lie in an input, as names of values in the graph; N is 1 or the batch.

    Attributes:
        image_wh: (N, 2) float64, width and height of the image in px.
        resized_wh: (N, 2) float64, those of the image inside the input.
        pad_xy: (N, 2) float64, its left and top in the input.
    """

    image_wh: str
    resized_wh: str
    pad_xy: str


def fit_images(b: Builder, image_wh: str, input_wh: str) -> Fit:
    """Centre images in the input, as ``Letterbox.fit`` does, with the same rounding.

    Args:
        b: Gets the nodes.
        image_wh: (N, 2) float64.
        input_wh: (1, 2) float64.
    """
    ratios = b.add("Div", input_wh, image_wh)
    ratio_w, ratio_h = b.add_all("Split", ratios, b.axes(1, 1), count=2, axis=1)
    scale = b.add("Min", ratio_w, ratio_h)
    one, two, tenth = (b.constant(value, np.float64) for value in (1, 2, 0.1))
    resized_wh = b.add("Max", b.add("Round", b.add("Mul", image_wh, scale)), one)
    spare = b.add("Div", b.add("Sub", input_wh, resized_wh), two)
    return Fit(image_wh, resized_wh, b.add("Round", b.add("Sub", spare, tenth)))


def add_letterbox(b: Builder, image: str, io: ModelIO) -> tuple[str, Fit]:
    """Return the input (1, 3, H, W) float32 that an image becomes, and where it lies in it.

    Args:
        b: Gets the nodes.
        image: (H, W, 3) uint8, its channels in the order that the model was trained on.
        io: The input's size, the level of the border, and the scale of the values.
    """
    image_hw = b.add("Slice", b.add("Shape", image), b.axes(0), b.axes(2))
    image_wh = b.add("Gather", b.cast(image_hw, np.float64), b.axes(1, 0))
    input_wh = b.constant([io.input_wh], np.float64)
    fit = fit_images(b, b.add("Unsqueeze", image_wh, b.axes(0)), input_wh)
    resized = _resize(b, image, fit)
    planes = b.add("Div", resized, b.floats(1 / io.pixel_scale))
    level = np.float32(io.pad_value) / np.float32(1 / io.pixel_scale)
    padded = b.add("Pad", planes, _pads(b, fit, io), b.floats(float(level)))
    tensor = b.add("Reshape", padded, b.axes(1, 3, io.input_wh[1], io.input_wh[0]))
    return tensor, fit


def _pads(b: Builder, fit: Fit, io: ModelIO) -> str:
    """Return how much to add to planes (3, h, w): (6,) int64, before and after each axis."""
    lead = b.cast(b.add("Reshape", fit.pad_xy, b.axes(2)), np.int64)
    size = b.cast(b.add("Reshape", fit.resized_wh, b.axes(2)), np.int64)
    trail = b.add("Sub", b.add("Sub", b.axes(*io.input_wh), size), lead)
    both = b.add("Concat", b.axes(0), lead, trail, axis=0)  # 0, left, top, right, bottom
    return b.add("Gather", both, b.axes(0, 2, 1, 0, 4, 3))


def _resize(b: Builder, image: str, fit: Fit) -> str:
    """Resize an image (H, W, 3) uint8 to planes (3, h, w) of whole numbers, float32.

    In between an image lies on its side, (W, 3, 2, h): whole columns are taken in one piece,
    and one weight counts for a whole column, which is ten times as fast as pixel by pixel.
    """
    width, height = b.add_all("Split", _as_int(b, fit.image_wh), b.axes(1, 1), count=2, axis=0)
    new_w, new_h = b.add_all("Split", _as_int(b, fit.resized_wh), b.axes(1, 1), count=2, axis=0)
    rows = _find_rows(b, height, new_h)
    columns = _find_columns(b, width, new_w)
    lines = b.add("Gather", image, b.add("Concat", rows.first, rows.second, axis=0), axis=0)
    flat = b.add("Reshape", lines, b.add("Concat", _long(b, new_h, 2), b.axes(-1), axis=0))
    shape = b.add("Concat", b.axes(-1, 3, 2), _long(b, new_h), axis=0)
    on_side = b.add("Reshape", b.add("Transpose", flat, perm=[1, 0]), shape)
    return _mix_rows(b, _mix_columns(b, on_side, columns), rows)


@dataclass(frozen=True, slots=True)
class _Taps:
    """Which two pixels of an axis make each of N new ones, and their weights in 1/2048.

    Attributes:
        first: (N,) int32.
        second: (N,) int32, its neighbour.
        weights: Of the first and of the second, each (N,) float32, whole numbers.
    """

    first: str
    second: str
    weights: tuple[str, str]


def _find_rows(b: Builder, length: str, new_length: str) -> _Taps:
    """Return the taps of rows: beyond the edge both are the row at the edge."""
    first, part = _place(b, length, new_length)
    last = b.add("Sub", length, _ints(b, 1))
    second = b.add("Add", first, _ints(b, 1))
    edge = _ints(b, 0)
    clipped = [b.add("Min", b.add("Max", one, edge), last) for one in (first, second)]
    return _Taps(clipped[0], clipped[1], _weigh(b, part))


def _find_columns(b: Builder, width: str, new_width: str) -> _Taps:
    """Return the taps of columns: at and beyond an edge the column there counts alone."""
    first, part = _place(b, width, new_width)
    last, edge = b.add("Sub", width, _ints(b, 1)), _ints(b, 0)
    is_outside = b.add("Or", b.add("Less", first, edge), b.add("GreaterOrEqual", first, last))
    part = b.add("Where", is_outside, b.floats(0), part)
    first = b.add("Min", b.add("Max", first, edge), last)
    second = b.add("Min", b.add("Add", first, _ints(b, 1)), last)
    return _Taps(first, second, _weigh(b, part))


def _place(b: Builder, length: str, new_length: str) -> tuple[str, str]:
    """Return where N new pixels lie on an axis: the pixel before (N,) int32, and what is beyond.

    Pixel i lies at (2i + 1) length / (2 new_length) - 1/2. The whole part is found in whole
    numbers; then both make the float32 that OpenCV has, and whose rounding counts.
    """
    count = b.add("Squeeze", new_length, b.axes(0))
    index = b.add("Range", b.constant(0, np.int32), count, b.constant(1, np.int32))
    odd = b.add("Add", b.add("Mul", index, _ints(b, 2)), _ints(b, 1))
    above = b.add("Sub", b.add("Mul", odd, length), new_length)
    below = b.add("Mul", new_length, _ints(b, 2))
    below_float = b.cast(below, np.float32)
    whole = b.add("Floor", b.add("Div", b.cast(above, np.float32), below_float))
    first = b.cast(whole, np.int32)
    rest = b.cast(b.add("Sub", above, b.add("Mul", first, below)), np.float32)
    place = b.add("Add", whole, b.add("Div", rest, below_float))
    return first, b.add("Sub", place, whole)


def _weigh(b: Builder, part: str) -> tuple[str, str]:
    """Return the weights of the pixels before and after a place between them, (N,) float32."""
    one = b.floats(_ONE)
    before = b.add("Round", b.add("Mul", b.add("Sub", b.floats(1), part), one))
    return before, b.add("Round", b.add("Mul", part, one))


def _mix_columns(b: Builder, on_side: str, columns: _Taps) -> str:
    """Mix columns (W, 3, 2, h) uint8 to (w, 3, 2, h) float32; four bits of the sum are dropped."""
    parts = []
    for index, weight in zip((columns.first, columns.second), columns.weights, strict=True):
        taken = b.cast(b.add("Gather", on_side, index, axis=0), np.float32)
        sixteenth = b.add("Mul", b.add("Unsqueeze", weight, b.axes(1, 2, 3)), b.floats(1 / 16))
        parts.append(b.add("Mul", taken, sixteenth))
    return b.add("Floor", b.add("Add", *parts))


def _mix_rows(b: Builder, lines: str, rows: _Taps) -> str:
    """Mix upper and lower lines (w, 3, 2, h) to planes (3, h, w).

    Of each product, of up to 27 bits, 16 are dropped. float32 holds 24, so it is made of two:
    a weight is 32 times its high part, and its low part.
    """
    upper, lower = (b.add("Unsqueeze", weight, b.axes(0)) for weight in rows.weights)
    weights = b.add("Concat", upper, lower, axis=0)  # (2, h)
    high = b.add("Floor", b.add("Mul", weights, b.floats(1 / 32)))
    low = b.add("Sub", weights, b.add("Mul", high, b.floats(32)))
    low = b.add("Mul", low, b.floats(1 / 32))
    whole = b.add("Add", b.add("Mul", lines, high), b.add("Floor", b.add("Mul", lines, low)))
    kept = b.add("Floor", b.add("Mul", whole, b.floats(1 / 2048)))
    total = b.add("ReduceSum", kept, b.axes(2), keepdims=0)
    rounded = b.add("Mul", b.add("Add", total, b.floats(2)), b.floats(1 / 4))
    return b.add("Transpose", b.add("Floor", rounded), perm=[1, 2, 0])


def _as_int(b: Builder, sizes: str) -> str:
    """Return (1, 2) float64 as (2,) int32."""
    return b.cast(b.add("Reshape", sizes, b.axes(2)), np.int32)


def _long(b: Builder, length: str, times: int = 1) -> str:
    """Return a multiple of a length (1,) int32 as int64, for a shape."""
    return b.cast(b.add("Mul", length, _ints(b, times)), np.int64)


def _ints(b: Builder, value: int) -> str:
    return b.constant([value], np.int32)
