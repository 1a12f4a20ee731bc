"""Draw detections so that they can be read on any background."""

from __future__ import annotations

import colorsys
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F32, U8, Detections

_Color = tuple[int, int, int]

_GOLDEN_RATIO = 0.618033988749895
_DARK: _Color = (20, 20, 20)
_LIGHT: _Color = (255, 255, 255)


def draw_boxes(bgr: U8, detections: Detections, names: Sequence[str]) -> U8:
    """Return a copy of an image (H, W, 3) uint8 BGR with a labelled box for every detection.

    Lines and letters grow with the image. Every box has a dark rim, so that it stands out from
    a background of its own colour; labels stay inside the image; the best score lies on top.
    """
    image = bgr.copy()
    mean_side_px = (image.shape[0] + image.shape[1]) / 2
    line_px = round(1.3 + mean_side_px * 0.0024)
    text_px = max(10, round(6 + mean_side_px * 0.0125))
    drawn = list(reversed(list(detections)))
    for xyxy, _, class_id in drawn:
        _draw_box(image, xyxy, class_color(class_id), line_px)
    for xyxy, score, class_id in drawn:  # all boxes first: no line runs through a label
        corner = (round(float(xyxy[0])) - line_px, round(float(xyxy[1])))
        label = f"{names[class_id]} {score:.2f}"
        _draw_label(image, label, corner, class_color(class_id), text_px)
    return image


@cache
def class_color(class_id: int) -> _Color:
    """Return the BGR colour of a class: the same in every image, far from its neighbours'.

    Successive hues lie a golden ratio of the circle apart, so that any first few differ most.
    """
    hue = (0.58 + class_id * _GOLDEN_RATIO) % 1
    # Three rounds of hues differ in brightness and saturation as well.
    saturation, value = ((0.75, 1.0), (0.95, 0.8), (0.5, 1.0))[class_id // 12 % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(blue * 255), round(green * 255), round(red * 255)


def _draw_box(image: U8, xyxy: F32, color: _Color, line_px: int) -> None:
    """Draw a coloured outline between two dark ones of one pixel."""
    x0, y0, x1, y1 = (round(float(side)) for side in xyxy)
    for shade, width_px in ((_DARK, line_px + 2), (color, line_px)):
        before, after = width_px // 2, width_px - width_px // 2
        # Four filled edges: the lines that OpenCV 5 draws are wider than asked for.
        for edge in (x0, x1):
            _fill(image, (edge - before, edge + after), (y0 - before, y1 + after), shade)
        for edge in (y0, y1):
            _fill(image, (x0 - before, x1 + after), (edge - before, edge + after), shade)


def _fill(image: U8, columns: tuple[int, int], rows: tuple[int, int], color: _Color) -> None:
    """Fill what of a half-open rectangle lies in the image."""
    import cv2

    (left, right), (top, bottom) = columns, rows
    cv2.rectangle(image, (left, top), (right - 1, bottom - 1), color, cv2.FILLED)


def _draw_label(image: U8, text: str, corner: tuple[int, int], color: _Color, text_px: int) -> None:
    """Draw a filled label above a box's corner, or below it where there is no room above."""
    height_px, width_px = image.shape[:2]
    pad_px = max(2, text_px // 4)
    label_w, label_h = _text_width_px(text, text_px) + 2 * pad_px, text_px + 2 * pad_px
    x = max(0, min(corner[0], width_px - label_w))
    y = corner[1] - label_h
    if y < 0:
        y = max(0, min(corner[1], height_px - label_h))
    _fill(image, (x, x + label_w), (y, y + label_h), color)
    ink = _DARK if _luminance(color) > 0.4 else _LIGHT
    _put_text(image, text, (x + pad_px, y + pad_px + round(text_px * 0.86)), ink, text_px)


def _luminance(color: _Color) -> float:
    """Return how bright a colour looks, in [0, 1]. Source: ITU-R BT.709, linear weights."""
    return float(np.dot(color, (0.0722, 0.7152, 0.2126))) / 255


@cache
def _font() -> Any:
    """Return OpenCV 5's own TrueType font, which knows most scripts; None before OpenCV 5."""
    import cv2

    return cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None


def _put_text(image: U8, text: str, baseline: tuple[int, int], ink: _Color, text_px: int) -> None:
    import cv2

    font = _font()
    if font is not None:
        cv2.putText(image, text, baseline, ink, font, text_px, 600)
    else:
        style, scale, width_px = _hershey(text_px)
        cv2.putText(image, text, baseline, style, scale, ink, width_px, cv2.LINE_AA)


@lru_cache(maxsize=4096)
def _text_width_px(text: str, text_px: int) -> int:
    import cv2

    font = _font()
    if font is not None:
        return int(cv2.getTextSize((0, 0), text, (0, 0), font, text_px, 600)[2])
    style, scale, width_px = _hershey(text_px)
    return int(cv2.getTextSize(text, style, scale, width_px)[0][0])


def _hershey(text_px: int) -> tuple[int, float, int]:
    """Return style, scale and line width of the stroke font whose letters have this height."""
    import cv2

    return cv2.FONT_HERSHEY_SIMPLEX, text_px / 28, max(1, text_px // 12)
