"""Draw detections so that they can be read on any background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.images.draw import class_color, draw_box, draw_label, strokes_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import U8, Detections


def draw_boxes(bgr: U8, detections: Detections, names: Sequence[str]) -> U8:
    """Return a copy of an image (H, W, 3) uint8 BGR with a labelled box for every detection.

    Lines and letters grow with the image. Every box has a dark rim, so that it stands out from
    a background of its own colour; labels stay inside the image; the best score lies on top.
    """
    image = bgr.copy()
    line_px, text_px = strokes_for(image)
    drawn = list(reversed(list(detections)))
    for xyxy, _, class_id in drawn:
        draw_box(image, xyxy, class_color(class_id), line_px)
    for xyxy, score, class_id in drawn:  # all boxes first: no line runs through a label
        corner = (round(float(xyxy[0])) - line_px, round(float(xyxy[1])))
        label = f"{names[class_id]} {score:.2f}"
        draw_label(image, label, corner, class_color(class_id), text_px)
    return image
