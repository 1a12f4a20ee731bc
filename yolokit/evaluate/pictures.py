"""The worst images drawn: what is labelled, and what was found, each box with its kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.evaluate.measures.worst import FoundBox
from yolokit.evaluate.words import NAMES
from yolokit.images.draw import (
    cut_text,
    draw_box,
    draw_free_label,
    strokes_for,
)
from yolokit.images.files import read_image
from yolokit.images.sheet import encode_jpeg, scale_to_fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.core.types import F64, U8
    from yolokit.evaluate.measures.judge import Kind
    from yolokit.evaluate.measures.worst import TrueBox, WorstImage

_FIT_WH_PX = (640, 640)
_LONGEST_NAME_PX = 150
# Okabe and Ito's colours, BGR: told apart with every kind of colour blindness.
COLORS: Mapping[Kind, tuple[int, int, int]] = {
    "right": (178, 114, 0),
    "missed": (0, 94, 213),
    "false": (0, 94, 213),
    "wrong_class": (167, 121, 204),
    "loose": (66, 228, 240),
    "duplicate": (233, 180, 86),
}


def draw_worst(worst: WorstImage, names: Sequence[str]) -> tuple[bytes, bytes]:
    """Return two pictures of an image as JPEG: with its labels, and with what was found.

    Right boxes are thin and without a label; each error has the name of its class, and its kind.

    Raises:
        DataError: The image cannot be read any more.
    """
    bgr = read_image(Path(worst.image))
    truth, found = (_draw(bgr, boxes, names) for boxes in (worst.truth, worst.found))
    return encode_jpeg(truth), encode_jpeg(found)


def _draw(bgr: U8, boxes: Sequence[TrueBox | FoundBox], names: Sequence[str]) -> U8:
    scaled = scale_to_fit(bgr, _FIT_WH_PX, enlarge=True)
    image = scaled.copy()
    factors = np.tile([scaled.shape[1] / bgr.shape[1], scaled.shape[0] / bgr.shape[0]], 2)
    places = np.array([box.xyxy for box in boxes], np.float64).reshape(-1, 4) * factors
    strokes = strokes_for(image)
    for at in reversed(range(len(boxes))):  # errors come first, and are drawn on top
        kind = boxes[at].kind
        line_px = 2 if kind == "right" else strokes.line_px + 1
        draw_box(image, places[at], COLORS[kind], line_px)
    _draw_labels(image, boxes, places, names)
    return image


def _draw_labels(
    image: U8, boxes: Sequence[TrueBox | FoundBox], places: F64, names: Sequence[str]
) -> None:
    """Name each error where its label covers no other; ``places`` are (N, 4) px of the picture."""
    text_px = strokes_for(image).text_px
    taken = np.zeros((0, 4))
    for box, xyxy in zip(boxes, places, strict=True):
        if box.kind == "right":
            continue
        name = cut_text(names[box.class_id], _LONGEST_NAME_PX, text_px)
        score = f" {box.score:.2f}" if isinstance(box, FoundBox) else ""
        text = f"{name}{score}, {NAMES[box.kind]}"
        color = COLORS[box.kind]
        taken = draw_free_label(image, text, xyxy, color, text_px, taken=taken, boxes=places)
