"""Draw annotations of any task, so that they can be read on any background."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

from yolokit.core.boxes import box_areas
from yolokit.images.draw import (
    class_color,
    cut_text,
    draw_box,
    draw_free_label,
    draw_keypoints,
    draw_polygon,
    label_wh,
    strokes_for,
    tint_polygon,
)
from yolokit.images.sheet import scale_to_fit
from yolokit.labels.transforms import scaling, transform_annotations

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from yolokit.core.types import F64, U8
    from yolokit.images.draw import Color
    from yolokit.labels.model import Annotations

_TINT = 0.3
_FADED: Color = (200, 200, 200)
_FADED_SHARE = 0.5
_CROWD = 0.2  # of the image, if each label were shown
_NAME_SHARE = 0.3  # of the image's width


def draw_annotations(
    bgr: U8,
    annotations: Annotations,
    names: Sequence[str],
    *,
    fit_wh: tuple[int, int] | None = None,
    emphasised: Collection[int] | None = None,
    tint: bool = True,
) -> U8:
    """Return a copy of an image with everything that is annotated in it.

    Boxes and rotated boxes are outlined, outlines tinted as well; a keypoint is a disc, a hidden
    one a ring. A label is left out where it would cover others: the colour tells the class.

    Args:
        bgr: (H, W, 3) uint8 BGR.
        annotations: In px of this image.
        names: Of the classes.
        fit_wh: Scale the image to this width and height in px before anything is drawn, so that
            lines and letters stay legible.
        emphasised: Rows that matter; all others are thin, grey and without a label.
        tint: Whether to tint what an outline encloses.
    """
    if fit_wh is not None:
        scaled = scale_to_fit(bgr, fit_wh, enlarge=True)
        factors = scaled.shape[1] / bgr.shape[1], scaled.shape[0] / bgr.shape[0]
        bgr, annotations = scaled, transform_annotations(annotations, scaling(*factors))
    image = bgr.copy()
    strokes = strokes_for(image)
    rows = _order(annotations)
    if emphasised is not None:
        faded = [row for row in rows if row not in emphasised]
        image = _draw_faded(image, annotations, faded)
        rows = [row for row in rows if row in emphasised]
    for row in rows:
        _draw_row(image, annotations, row, strokes.line_px, tint=tint)
    _draw_labels(image, annotations, rows[::-1], names, strokes.text_px)
    return image


def _order(annotations: Annotations) -> list[int]:
    """Return the rows that can be drawn, large ones first."""
    drawable = np.flatnonzero(np.isfinite(annotations.xyxy).all(axis=1))
    areas = box_areas(annotations.xyxy)
    return sorted(drawable.tolist(), key=lambda row: -float(areas[row]))


def _draw_faded(image: U8, annotations: Annotations, rows: Sequence[int]) -> U8:
    """Draw what does not matter: thin and grey, and the image shows through."""
    import cv2

    drawn = image.copy()
    for row in rows:
        _draw_row(drawn, annotations, row, 1, tint=False, color=_FADED)
    return cast("U8", cv2.addWeighted(image, 1 - _FADED_SHARE, drawn, _FADED_SHARE, 0))


def _draw_row(
    image: U8,
    annotations: Annotations,
    row: int,
    usual_px: int,
    *,
    tint: bool,
    color: Color | None = None,
) -> None:
    color = color or class_color(int(annotations.category_indices[row]))
    xyxy, shape = annotations.xyxy[row], annotations.shapes.get(row)
    line_px = _line_px(xyxy, usual_px)
    if shape is None:
        draw_box(image, xyxy, color, line_px)
    else:
        for ring in shape.rings:
            if tint and shape.kind == "polygon":
                tint_polygon(image, ring, color, _TINT)
            draw_polygon(image, ring, color, line_px)
    if annotations.keypoints is not None:
        draw_keypoints(image, annotations.keypoints[row], color, line_px + 1)


def _line_px(xyxy: F64, usual_px: int) -> int:
    """Return the width of lines that leave the inside of a small box open to view."""
    return max(1, min(usual_px, round(float((xyxy[2:] - xyxy[:2]).min()) / 10)))


def _draw_labels(
    image: U8, annotations: Annotations, rows: Sequence[int], names: Sequence[str], text_px: int
) -> None:
    """Name each class where that covers no other name; in a crowd only where it fits a box."""
    image_wh = (image.shape[1], image.shape[0])
    taken, boxes = np.zeros((0, 4)), annotations.xyxy
    classes = annotations.category_indices.tolist()
    most_px = max(_NAME_SHARE * image_wh[0], 6 * text_px)
    texts = {
        class_id: cut_text(names[class_id], round(most_px), text_px) for class_id in set(classes)
    }
    sizes = {class_id: label_wh(text, text_px) for class_id, text in texts.items()}
    needed = sum(math.prod(sizes[classes[row]]) for row in rows)
    is_crowd = needed > _CROWD * math.prod(image_wh)
    for row in rows:
        size = sizes[classes[row]]
        if is_crowd and bool((boxes[row, 2:] - boxes[row, :2] < size).any()):
            continue
        text, color = texts[classes[row]], class_color(classes[row])
        taken = draw_free_label(image, text, boxes[row], color, text_px, taken=taken, boxes=boxes)
