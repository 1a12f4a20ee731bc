"""Draw boxes, outlines, keypoints and labels that can be read on any background.

All draw on an image (H, W, 3) uint8 BGR in place; what lies outside of it is cut off. Every line
has a dark rim, so that it stands out from a background of its own colour.
"""

from __future__ import annotations

import colorsys
from bisect import bisect_right
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from yolokit.core.boxes import overlap_and_union

if TYPE_CHECKING:
    from yolokit.core.types import F32, F64, U8

Color: TypeAlias = tuple[int, int, int]

DARK: Color = (20, 20, 20)
LIGHT: Color = (255, 255, 255)
HIDDEN = 1
"""The visibility of a keypoint that is labelled and cannot be seen."""

_GOLDEN_RATIO = 0.618033988749895
_FAR_PX = 1e6  # whatever lies further out is drawn as if it lay there: OpenCV counts in 32 bits
_SUBPIXEL_BITS = 4
_SEMIBOLD = 600


class Strokes(NamedTuple):
    """How thick lines are, and how tall letters."""

    line_px: int
    text_px: int


def strokes_for(image: U8) -> Strokes:
    """Return lines and letters that grow with an image."""
    mean_side_px = (image.shape[0] + image.shape[1]) / 2
    return Strokes(round(1.3 + mean_side_px * 0.0024), max(10, round(6 + mean_side_px * 0.0125)))


@cache
def class_color(class_id: int) -> Color:
    """Return the BGR colour of a class: the same in every image, far from its neighbours'.

    Successive hues lie a golden ratio of the circle apart, so that any first few differ most.
    """
    hue = (0.58 + class_id * _GOLDEN_RATIO) % 1
    # Three rounds of hues differ in brightness and saturation as well.
    saturation, value = ((0.75, 1.0), (0.95, 0.8), (0.5, 1.0))[class_id // 12 % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(blue * 255), round(green * 255), round(red * 255)


def draw_box(image: U8, xyxy: F32 | F64, color: Color, line_px: int) -> None:
    """Draw the outline of an upright box, (4,) px, between two dark ones of one pixel."""
    x0, y0, x1, y1 = (round(float(side)) for side in np.clip(xyxy, -_FAR_PX, _FAR_PX))
    for shade, width_px in ((DARK, line_px + 2), (color, line_px)):
        before, after = width_px // 2, width_px - width_px // 2
        # Four filled edges: the lines that OpenCV 5 draws are wider than asked for.
        for edge in (x0, x1):
            fill(image, (edge - before, edge + after), (y0 - before, y1 + after), shade)
        for edge in (y0, y1):
            fill(image, (x0 - before, x1 + after), (edge - before, edge + after), shade)


def draw_polygon(image: U8, ring: F64, color: Color, line_px: int) -> None:
    """Draw a closed outline, (P, 2) px: of an object, or of a rotated box."""
    import cv2

    odd_px = line_px | 1  # which OpenCV 5 comes nearest to
    for shade, width_px in ((DARK, odd_px + 2), (color, odd_px)):
        points, thickness = [_to_subpixels(ring)], _thickness(width_px)
        cv2.polylines(image, points, True, shade, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def tint_polygon(image: U8, ring: F64, color: Color, share: float) -> None:
    """Mix a colour into what an outline, (P, 2) px, encloses; ``share`` is of the colour."""
    import cv2

    height_px, width_px = image.shape[:2]
    near = np.clip(ring, -_FAR_PX, _FAR_PX)
    left, top = np.clip(np.floor(near.min(axis=0)), 0, (width_px, height_px)).astype(int)
    right, bottom = np.clip(np.ceil(near.max(axis=0)) + 1, 0, (width_px, height_px)).astype(int)
    if left >= right or top >= bottom:
        return
    part = image[top:bottom, left:right]
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [_to_subpixels(near - (left, top))], 1, cv2.LINE_8, _SUBPIXEL_BITS)
    inside = mask.astype(bool)
    part[inside] = np.round(part[inside] * (1 - share) + np.array(color) * share)


def draw_keypoints(image: U8, keypoints: F64, color: Color, radius_px: int) -> None:
    """Draw (K, 3) keypoints: a disc for a visible one, a ring for a hidden one.

    x and y are in px, visibility is 0 for not labelled (not drawn), 1 for hidden, 2 for visible.
    """
    for x, y, visibility in keypoints:
        if visibility > 0:
            _draw_disc(image, (x, y), DARK, radius_px + 1)
            _draw_disc(image, (x, y), color, radius_px)
            if visibility == HIDDEN:
                _draw_disc(image, (x, y), DARK, radius_px // 2)


def label_wh(text: str, text_px: int) -> tuple[int, int]:
    """Return width and height in px of a label with this text."""
    pad_px = _pad_px(text_px)
    return _text_width_px(text, text_px) + 2 * pad_px, text_px + 2 * pad_px


def cut_text(text: str, most_px: int, text_px: int) -> str:
    """Return a text that is at most so wide, its middle left out if need be.

    What is not a letter of a line, such as a line feed, becomes a space.
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    if _text_width_px(plain, text_px) <= most_px:
        return plain

    def cut(kept: int) -> str:
        return f"{plain[: (kept + 1) // 2]}…{plain[len(plain) - kept // 2 :]}"

    too_wide = bisect_right(
        range(1, len(plain)), most_px, key=lambda kept: _text_width_px(cut(kept), text_px)
    )
    return cut(max(1, too_wide))


def draw_label(image: U8, text: str, corner: tuple[int, int], color: Color, text_px: int) -> None:
    """Draw a filled label above a box's corner, or below it where there is no room above."""
    height_px, width_px = image.shape[:2]
    label_w, label_h = label_wh(text, text_px)
    x = max(0, min(corner[0], width_px - label_w))
    y = corner[1] - label_h
    if y < 0:
        y = max(0, min(corner[1], height_px - label_h))
    draw_label_at(image, text, (x, y), color, text_px)


def draw_label_at(image: U8, text: str, at: tuple[int, int], color: Color, text_px: int) -> None:
    """Draw a filled label with its top-left corner at a place, dark or light on its colour."""
    label_w, label_h = label_wh(text, text_px)
    fill(image, (at[0], at[0] + label_w), (at[1], at[1] + label_h), color)
    ink = DARK if _luminance(color) > 0.4 else LIGHT
    pad_px = _pad_px(text_px)
    put_text(image, text, (at[0] + pad_px, at[1] + pad_px + round(text_px * 0.86)), ink, text_px)


def draw_free_label(
    image: U8, text: str, xyxy: F64, color: Color, text_px: int, *, taken: F64, boxes: F64
) -> F64:
    """Draw a box's label where it covers no other; nowhere if there is no such place.

    Args:
        image: Drawn on.
        text: Of the label.
        xyxy: (4,) the box, px.
        color: Of the label.
        text_px: Height of its letters.
        taken: (N, 4) px, where labels are already.
        boxes: (M, 4) px, what is better not covered.

    Returns:
        ``taken``, with the place of this label if it was drawn.
    """
    image_wh = (image.shape[1], image.shape[0])
    place = find_label_place(image_wh, xyxy, label_wh(text, text_px), taken, boxes)
    if place is None:
        return taken
    draw_label_at(image, text, (int(place[0]), int(place[1])), color, text_px)
    return np.concatenate([taken, place[None]])


def find_label_place(
    image_wh: tuple[int, int], xyxy: F64, wanted_wh: tuple[int, int], taken: F64, boxes: F64
) -> F64 | None:
    """Return where the label of a box covers no other label, and least of all boxes.

    Args:
        image_wh: Width and height in px of the image, in which the label has to lie whole.
        xyxy: (4,) the box, px.
        wanted_wh: Width and height in px of the label.
        taken: (N, 4) px, where labels are already.
        boxes: (M, 4) px, what is better not covered.

    Returns:
        (4,) whole px, at a corner of the box, outside or inside; None where all are taken.
    """
    x0, y0, x1, y1 = np.round(np.clip(xyxy, -_FAR_PX, _FAR_PX))
    label_w, label_h = wanted_wh
    lefts = np.clip((x0, x1 - label_w), 0, max(0, image_wh[0] - label_w))
    tops = np.array((y0 - label_h, y1, y0, y1 - label_h))
    corners = np.array([(left, top) for top in tops for left in lefts])
    places = np.concatenate([corners, corners + wanted_wh], axis=1)
    fits = (places[:, :2] >= 0).all(axis=1) & (places[:, 2:] <= image_wh).all(axis=1)
    fits &= ~overlap_and_union(places, taken)[0].any(axis=1)
    if not fits.any():
        return None
    covered = overlap_and_union(places, boxes)[0].sum(axis=1) / (label_w * label_h)
    # What is usual is kept to, unless another place is clearly better.
    cost = np.where(fits, covered + 0.1 * np.arange(len(places)), np.inf)
    best: F64 = places[int(cost.argmin())]
    return best


def fill(image: U8, columns: tuple[int, int], rows: tuple[int, int], color: Color) -> None:
    """Fill what of a half-open rectangle lies in the image."""
    import cv2

    (left, right), (top, bottom) = columns, rows
    cv2.rectangle(image, (left, top), (right - 1, bottom - 1), color, cv2.FILLED)


def put_text(
    image: U8,
    text: str,
    baseline: tuple[int, int],
    ink: Color,
    text_px: int,
    weight: int = _SEMIBOLD,
) -> None:
    """Write a line of text, its first letter's baseline at a place; 400 is a regular weight."""
    import cv2

    font = _font()
    if font is not None:
        cv2.putText(image, text, baseline, ink, font, text_px, weight)
    else:
        style, scale, width_px = _hershey(text_px)
        cv2.putText(image, text, baseline, style, scale, ink, width_px, cv2.LINE_AA)


def _draw_disc(image: U8, center: tuple[float, float], color: Color, radius_px: int) -> None:
    import cv2

    if radius_px > 0:
        (at,) = _to_subpixels(np.array([center])).tolist()
        radius = radius_px << _SUBPIXEL_BITS
        cv2.circle(image, at, radius, color, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


@cache
def _thickness(width_px: int) -> int:
    """Return what to ask OpenCV for to get a line of this width; OpenCV 5 draws wider ones."""
    import cv2

    def drawn_px(thickness: int) -> float:
        side = 4 * width_px + 9
        field: U8 = np.zeros((side, side), np.uint8)
        cv2.line(field, (0, side // 2), (side, side // 2), 255, thickness, cv2.LINE_AA)
        return float(field[:, side // 2].sum()) / 255

    return min(range(1, width_px + 1), key=lambda one: abs(drawn_px(one) - width_px))


def _to_subpixels(points: F64) -> Any:
    """Return (P, 2) points as OpenCV wants them: int32, fractions of a pixel in the last bits.

    OpenCV's 0 is the middle of the first pixel, ours its corner.
    """
    near = np.clip(points, -_FAR_PX, _FAR_PX) - 0.5
    return np.round(near * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def _pad_px(text_px: int) -> int:
    return max(2, text_px // 4)


def _luminance(color: Color) -> float:
    """Return how bright a colour looks, in [0, 1]. Source: ITU-R BT.709, linear weights."""
    return float(np.dot(color, (0.0722, 0.7152, 0.2126))) / 255


@cache
def _font() -> Any:
    """Return OpenCV 5's own TrueType font, which knows most scripts; None before OpenCV 5."""
    import cv2

    return cv2.FontFace("sans") if hasattr(cv2, "FontFace") else None


@lru_cache(maxsize=4096)
def _text_width_px(text: str, text_px: int) -> int:
    import cv2

    font = _font()
    if font is not None:
        return int(cv2.getTextSize((0, 0), text, (0, 0), font, text_px, _SEMIBOLD)[2])
    style, scale, width_px = _hershey(text_px)
    return int(cv2.getTextSize(text, style, scale, width_px)[0][0])


def _hershey(text_px: int) -> tuple[int, float, int]:
    """Return style, scale and line width of the stroke font whose letters have this height."""
    import cv2

    return cv2.FONT_HERSHEY_SIMPLEX, text_px / 28, max(1, text_px // 12)
