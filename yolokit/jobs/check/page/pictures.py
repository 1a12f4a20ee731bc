"""Pictures of a page: images of a set with their labels, whole or cut out around one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import pairwise_iou
from yolokit.errors import DataError
from yolokit.images.draw import (
    LIGHT,
    draw_box,
    draw_free_label,
    strokes_for,
)
from yolokit.images.files import read_image
from yolokit.images.sheet import encode_jpeg, scale_to_fit
from yolokit.labels.draw import draw_annotations
from yolokit.labels.model import Annotations
from yolokit.labels.shapes import Shape
from yolokit.labels.transforms import scaling, shifting, transform_annotations
from yolokit.report.page import Picture

if TYPE_CHECKING:
    from collections.abc import Collection

    from yolokit.core.types import F64, U8
    from yolokit.datasets.label_table import LabelTable

FIT_WH = (480, 480)
_SMALL_WH = (300, 300)
_CONTEXT = 4.0  # sides of a box that are shown around it
_LEAST_SHARE = 0.35  # of the image's shorter side
_SAME = 0.85  # IoU from which another box is drawn with the one that is meant


def draw_image(table: LabelTable, image: int, caption: str) -> Picture | None:
    """Return an image with all its labels, None if it cannot be read."""
    pixels = _read(table, image)
    if pixels is None:
        return None
    annotations = annotations_of(table, image, (pixels.shape[1], pixels.shape[0]))
    drawn = draw_annotations(pixels, annotations, table.names, fit_wh=FIT_WH)
    return Picture(encode_jpeg(drawn, fit_wh=FIT_WH), _describe(table, image), caption)


def draw_plain(table: LabelTable, image: int, caption: str) -> Picture | None:
    """Return an image without labels, None if it cannot be read."""
    pixels = _read(table, image)
    if pixels is None:
        return None
    name = table.images.names[image]
    return Picture(encode_jpeg(pixels, fit_wh=_SMALL_WH), f"the image {name}", caption)


def draw_around(
    table: LabelTable,
    image: int,
    caption: str,
    *,
    row: int | None = None,
    found: tuple[float, float, float, float] | None = None,
) -> Picture | None:
    """Return what lies around one label, which stands out; None if the image cannot be read.

    Args:
        table: All labels.
        image: Its place in the table.
        caption: What is written below the picture.
        row: The label; None where a box that was found is not labelled.
        found: xyxy in px of the image: what a model found there, drawn white.
    """
    pixels = _read(table, image)
    if pixels is None:
        return None
    wh = (pixels.shape[1], pixels.shape[0])
    annotations = annotations_of(table, image, wh)
    at = None if row is None else row - int(table.starts[image])
    meant = [] if at is None else [annotations.xyxy[at]]
    meant += [] if found is None else [np.array(found, np.float64)]
    x1, y1, x2, y2 = _window(np.array(meant), wh)
    cut = scale_to_fit(pixels[y1:y2, x1:x2], FIT_WH, enlarge=True)
    moved = shifting(-x1, -y1), scaling(cut.shape[1] / (x2 - x1), cut.shape[0] / (y2 - y1))
    for matrix in moved:
        annotations = transform_annotations(annotations, matrix)
    drawn = draw_annotations(cut, annotations, table.names, emphasised=_alike(annotations, at))
    if found is not None:
        factor = cut.shape[1] / (x2 - x1)
        _draw_found(drawn, (meant[-1] - [x1, y1, x1, y1]) * factor)
    name = "a part of" if row is None else f"a label {table.names[table.class_ids[row]]} in"
    alt = f"{name} {table.images.names[image]}, cut out"
    return Picture(encode_jpeg(drawn, fit_wh=FIT_WH), alt, caption)


def _alike(annotations: Annotations, at: int | None) -> set[int]:
    """Return a label and those that have nearly its box."""
    if at is None:
        return set()
    iou = pairwise_iou(annotations.xyxy[at : at + 1], annotations.xyxy)[0]
    return {at, *np.flatnonzero(iou >= _SAME).tolist()}


def _draw_found(image: U8, xyxy: F64) -> None:
    strokes = strokes_for(image)
    draw_box(image, xyxy, LIGHT, strokes.line_px)
    nothing = np.zeros((0, 4))
    text_px = strokes.text_px
    draw_free_label(image, "the model", xyxy, LIGHT, text_px, taken=nothing, boxes=nothing)


def annotations_of(table: LabelTable, image: int, wh_px: tuple[int, int]) -> Annotations:
    """Return the labels of one image in px of it."""
    start, end = int(table.starts[image]), int(table.starts[image + 1])
    scale = np.array(wh_px, np.float64)
    shapes = {
        row - start: Shape(
            tuple(ring.astype(np.float64) * scale for ring in table.shapes[row]),
            "rotated" if row in table.rotated else "polygon",
        )
        for row in range(start, end)
        if row in table.shapes
    }
    return Annotations(
        table.class_ids[start:end],
        table.xyxy[start:end] * np.tile(scale, 2),
        table.lines[start:end],
        shapes=shapes,
        keypoints=_keypoints_of(table, range(start, end), scale),
    )


def _keypoints_of(table: LabelTable, rows: Collection[int], scale: F64) -> F64 | None:
    found = {row: table.keypoints[row] for row in rows if row in table.keypoints}
    if not found:
        return None
    count = len(next(iter(found.values())))
    points = np.zeros((len(rows), count, 3))
    for at, row in enumerate(rows):
        if row in found:
            points[at] = found[row]
    points[:, :, :2] *= scale
    return points


def _read(table: LabelTable, image: int) -> U8 | None:
    """Return the pixels of an image; None where a finding says already that there are none."""
    path = table.images.paths[image]
    if not path:
        return None
    try:
        return read_image(Path(path))
    except DataError:
        return None


def _window(xyxy: F64, wh: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return what is cut out around some boxes: a square as far as the image allows."""
    inside = np.clip(np.nan_to_num(xyxy), 0, [*wh, *wh])
    first, last = inside[:, :2].min(axis=0), inside[:, 2:].max(axis=0)
    center, sides = (first + last) / 2, last - first
    side = max(_CONTEXT * float(sides.max()), _LEAST_SHARE * min(wh), 32.0)
    lengths = np.minimum(side, wh)
    low = np.clip(center - lengths / 2, 0, np.array(wh) - lengths)
    x1, y1 = np.floor(low).astype(int).tolist()
    x2, y2 = np.ceil(low + lengths).astype(int).tolist()
    return x1, y1, min(x2, wh[0]), min(y2, wh[1])


def _describe(table: LabelTable, image: int) -> str:
    """Return what is seen on an image, for those who do not see it."""
    rows = slice(int(table.starts[image]), int(table.starts[image + 1]))
    counts = np.bincount(table.class_ids[rows], minlength=len(table.names))
    held = [f"{count} {name}" for name, count in zip(table.names, counts, strict=True) if count]
    return f"{table.images.names[image]} with {', '.join(held) or 'no labels'}"
