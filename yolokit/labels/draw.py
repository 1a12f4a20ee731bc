"""Draw annotations of any task, so that they can be read on any background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import box_areas
from yolokit.images.draw import (
    Strokes,
    class_color,
    cut_text,
    draw_box,
    draw_keypoints,
    draw_label_at,
    draw_polygon,
    find_label_place,
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
_FADED: Color = (150, 150, 150)
_NAME_SHARE = 0.3  # of the image's width


def draw_annotations(
    bgr: U8,
    annotations: Annotations,
    names: Sequence[str],
    *,
    fit_wh: tuple[int, int] | None = None,
    emphasised: Collection[int] | None = None,
    labels: bool = True,
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
        labels: Whether to name the class of each annotation.
    """
    if fit_wh is not None:
        scaled = scale_to_fit(bgr, fit_wh, enlarge=True)
        factors = scaled.shape[1] / bgr.shape[1], scaled.shape[0] / bgr.shape[0]
        bgr, annotations = scaled, transform_annotations(annotations, scaling(*factors))
    image = bgr.copy()
    strokes = strokes_for(image)
    rows = _order(annotations, emphasised)
    for row in rows:
        is_faded = emphasised is not None and row not in emphasised
        _draw_row(image, annotations, row, strokes, is_faded=is_faded)
    if labels:
        wanted = [row for row in reversed(rows) if emphasised is None or row in emphasised]
        _draw_labels(image, annotations, wanted, names, strokes.text_px)
    return image


def _order(annotations: Annotations, emphasised: Collection[int] | None) -> list[int]:
    """Return the rows that can be drawn, large ones first, what is emphasised on top."""
    drawable = np.flatnonzero(np.isfinite(annotations.xyxy).all(axis=1))
    areas = box_areas(annotations.xyxy)
    matter = emphasised or ()
    return sorted(drawable.tolist(), key=lambda row: (row in matter, -float(areas[row])))


def _draw_row(
    image: U8, annotations: Annotations, row: int, strokes: Strokes, *, is_faded: bool
) -> None:
    color = _FADED if is_faded else class_color(int(annotations.category_indices[row]))
    xyxy, shape = annotations.xyxy[row], annotations.shapes.get(row)
    line_px = 1 if is_faded else _line_px(xyxy, strokes.line_px)
    if shape is None:
        draw_box(image, xyxy, color, line_px)
    else:
        for ring in shape.rings:
            if shape.kind == "polygon" and not is_faded:
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
    taken, boxes = np.zeros((0, 4)), annotations.xyxy
    most_px = max(_NAME_SHARE * image.shape[1], 6 * text_px)
    for row in rows:
        class_id = int(annotations.category_indices[row])
        text = cut_text(names[class_id], most_px, text_px)
        image_wh = (image.shape[1], image.shape[0])
        place = find_label_place(image_wh, boxes[row], label_wh(text, text_px), taken, boxes)
        if place is not None:
            at = (int(place[0]), int(place[1]))
            draw_label_at(image, text, at, class_color(class_id), text_px)
            taken = np.concatenate([taken, place[None]])
