"""Feature maps as a picture: for each layer where it looks, and its strongest channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.types import Letterbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.core.types import F32, U8
    from yolokit.engine_protocol.inspection import Network

_CHANNELS, _ROWS = 16, 2
_TILE_PX, _GAP_PX, _TITLE_PX = 150, 6, 34
_PAPER, _INK = 250, (36, 31, 30)
_SHOWN_SHARE = 0.55  # of the colours, over the image


def draw_maps(bgr: U8, maps: Mapping[str, F32], network: Network) -> U8:
    """Draw a block for each layer: all channels together over the image, and the strongest ones.

    Args:
        bgr: (H, W, 3) uint8, the image that the maps are of.
        maps: Layer to its output, (C, h, w) float32, on the letterboxed input.
        network: Whose layers they are.

    Returns:
        (., ., 3) uint8 BGR; bright is strong, each map scaled by itself.
    """
    height, width = network.input_shape[2:]
    letterbox = Letterbox.fit((bgr.shape[1], bgr.shape[0]), (width, height))
    layers = {layer.name: layer for layer in (*network.layers, *network.head_inputs)}
    blocks = []
    for name, values in maps.items():
        channels, rows, columns = values.shape
        stride = layers[name].stride_px if name in layers else None
        every = f", a value every {stride:g} px" if stride else ""
        title = f"{name}: {channels} channels of {columns}x{rows}{every}"
        blocks.append(_draw_block(bgr, values, letterbox, title))
    return np.concatenate(blocks)


def write_picture(part: Path, suffix: str, bgr: U8) -> None:
    """Write a picture as the kind that a suffix names, under another name."""
    import cv2

    _done, content = cv2.imencode(suffix, bgr)
    part.write_bytes(content.tobytes())


def _draw_block(bgr: U8, values: F32, letterbox: Letterbox, title: str) -> U8:
    from yolokit.images.draw import put_text

    side = _ROWS * _TILE_PX + _GAP_PX
    per_row = _CHANNELS // _ROWS
    shape = (_TITLE_PX + side + _GAP_PX, 2 * _GAP_PX + side + per_row * (_TILE_PX + _GAP_PX), 3)
    block: U8 = np.full(shape, _PAPER, np.uint8)
    put_text(block, title, (_GAP_PX, _TITLE_PX - 11), _INK, 18)
    _place(block, _overlay(bgr, values, letterbox), (_GAP_PX, _TITLE_PX), side)
    strength = values.reshape(len(values), -1).std(axis=1)
    for at, channel in enumerate(np.argsort(-strength, kind="stable")[:_CHANNELS].tolist()):
        x = 2 * _GAP_PX + side + at % per_row * (_TILE_PX + _GAP_PX)
        y = _TITLE_PX + at // per_row * (_TILE_PX + _GAP_PX)
        _place(block, _colour(_crop(values[channel], letterbox)), (x, y), _TILE_PX)
    return block


def _overlay(bgr: U8, values: F32, letterbox: Letterbox) -> U8:
    """Lay the mean strength of all channels over the image."""
    import cv2

    width, height = letterbox.resized_wh
    small = cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)
    strength = np.abs(values - values.mean(axis=(1, 2), keepdims=True)).mean(axis=0)
    strength = _crop(strength, letterbox)
    colours = cv2.resize(_colour(strength), (width, height), interpolation=cv2.INTER_CUBIC)
    mixed = cv2.addWeighted(small, 1 - _SHOWN_SHARE, colours, _SHOWN_SHARE, 0)
    return np.asarray(mixed, np.uint8)


def _crop(values: F32, letterbox: Letterbox) -> F32:
    """Return what of a map (h, w) lies on the image, without the border."""

    def cut(pad_px: int, inner_px: int, side_px: int, cells: int) -> slice:
        first, last = (round(px * cells / side_px) for px in (pad_px, pad_px + inner_px))
        return slice(first, max(last, first + 1))

    rows, columns = values.shape
    width, height = letterbox.input_wh
    left, top = letterbox.pad_xy
    inner_w, inner_h = letterbox.resized_wh
    return values[cut(top, inner_h, height, rows), cut(left, inner_w, width, columns)]


def _colour(values: F32) -> U8:
    import cv2

    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / (high - low) * 255 if high > low else np.zeros_like(values)
    return np.asarray(cv2.applyColorMap(scaled.astype(np.uint8), cv2.COLORMAP_VIRIDIS), np.uint8)


def _place(block: U8, picture: U8, corner: tuple[int, int], side_px: int) -> None:
    """Put a picture into a square, as large as it fits."""
    import cv2

    fit = Letterbox.fit((picture.shape[1], picture.shape[0]), (side_px, side_px))
    (width, height), (left, top) = fit.resized_wh, fit.pad_xy
    grows = width > picture.shape[1]
    kind = cv2.INTER_NEAREST if grows else cv2.INTER_AREA
    x, y = corner[0] + left, corner[1] + top
    block[y : y + height, x : x + width] = cv2.resize(picture, (width, height), interpolation=kind)
