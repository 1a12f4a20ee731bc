"""One image with the boxes of both models: the first's solid, the second's dashed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.images.draw import DARK, cut_text, draw_box, draw_free_label, fill, strokes_for
from yolokit.images.files import read_image
from yolokit.images.sheet import encode_jpeg, scale_to_fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F64, U8
    from yolokit.evaluate.differences import ImagePairs
    from yolokit.images.draw import Color

# Okabe and Ito's colours, BGR: told apart with every kind of colour blindness.
FIRST: Color = (178, 114, 0)
SECOND: Color = (0, 159, 230)
_FIT_WH_PX = (640, 640)
_LONGEST_NAME_PX = 150
_DASH_PX = 7
_SCORES_DIFFER = 0.1  # from here on a pair's scores are written beside it


def draw_pairs(picture: Path | U8, pairs: ImagePairs, names: Sequence[str]) -> bytes:
    """Return a picture of an image as JPEG: what differs is thick and labelled, the rest thin.

    Args:
        picture: The file, or (H, W, 3) uint8 BGR.
        pairs: The boxes of both models in it.
        names: Of the classes.

    Raises:
        DataError: The image cannot be read any more.
    """
    bgr = read_image(picture) if isinstance(picture, Path) else picture
    scaled = scale_to_fit(bgr, _FIT_WH_PX, enlarge=True)
    image = scaled.copy()
    factors = np.tile([scaled.shape[1] / bgr.shape[1], scaled.shape[0] / bgr.shape[0]], 2)
    first, second = (one.xyxy.astype(np.float64) * factors for one in (pairs.a, pairs.b))
    line_px = strokes_for(image).line_px
    for at in pairs.a_index:
        draw_box(image, first[at], FIRST, line_px)
    for at in pairs.b_index:
        _draw_dashed(image, second[at], SECOND, line_px)
    for at in pairs.alone_a:
        draw_box(image, first[at], FIRST, line_px + 2)
    for at in pairs.alone_b:
        _draw_dashed(image, second[at], SECOND, line_px + 2)
    _draw_labels(image, pairs, (first, second), names)
    return encode_jpeg(image)


def _draw_labels(
    image: U8, pairs: ImagePairs, places: tuple[F64, F64], names: Sequence[str]
) -> None:
    """Name what differs where the label covers no other."""
    text_px = strokes_for(image).text_px
    taken, boxes = np.zeros((0, 4)), np.concatenate(places)
    for text, class_id, xyxy, color in _list_labels(pairs, places):
        name = cut_text(names[class_id], _LONGEST_NAME_PX, text_px)
        label = f"{name} {text}"
        taken = draw_free_label(image, label, xyxy, color, text_px, taken=taken, boxes=boxes)


def _list_labels(
    pairs: ImagePairs, places: tuple[F64, F64]
) -> Iterator[tuple[str, int, F64, Color]]:
    """Yield the text, class, box and colour of each label, the largest differences first."""
    a, b = pairs.a, pairs.b
    for at in pairs.alone_a:
        yield f"{a.scores[at]:.2f}, first only", int(a.class_ids[at]), places[0][at], FIRST
    for at in pairs.alone_b:
        yield f"{b.scores[at]:.2f}, second only", int(b.class_ids[at]), places[1][at], SECOND
    for row in np.argsort(-pairs.score_diff, kind="stable"):
        if pairs.score_diff[row] < _SCORES_DIFFER:
            return
        at, partner = pairs.a_index[row], pairs.b_index[row]
        text = f"{a.scores[at]:.2f}, then {b.scores[partner]:.2f}"
        yield text, int(a.class_ids[at]), places[0][at], DARK


def _draw_dashed(image: U8, xyxy: F64, color: Color, line_px: int) -> None:
    """Draw the outline of a box, (4,) px, in dashes, each with a dark rim."""
    x0, y0, x1, y1 = (round(float(side)) for side in xyxy)
    before, after = line_px // 2, line_px - line_px // 2
    for rim, shade in ((1, DARK), (0, color)):
        for start in range(x0, x1 + 1, 2 * _DASH_PX):
            columns = (start - rim, min(start + _DASH_PX, x1 + after) + rim)
            for edge in (y0, y1):
                fill(image, columns, (edge - before - rim, edge + after + rim), shade)
        for start in range(y0, y1 + 1, 2 * _DASH_PX):
            rows = (start - rim, min(start + _DASH_PX, y1 + after) + rim)
            for edge in (x0, x1):
                fill(image, (edge - before - rim, edge + after + rim), rows, shade)
