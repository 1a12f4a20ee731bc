"""Pictures of a page: images of a set with their labels, whole or cut out around one of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.boxes import pairwise_iou
from yolokit.errors import DataError
from yolokit.images.files import read_image
from yolokit.images.sheet import encode_jpeg
from yolokit.labels.draw import draw_annotations
from yolokit.labels.model import Annotations
from yolokit.labels.shapes import Shape
from yolokit.labels.transforms import shifting, transform_annotations
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


def draw_image(
    table: LabelTable, image: int, caption: str, *, small: bool = False
) -> Picture | None:
    """Return an image with all its labels, None if it cannot be read."""
    pixels = _read(table, image)
    if pixels is None:
        return None
    annotations = annotations_of(table, image, (pixels.shape[1], pixels.shape[0]))
    fit_wh = _SMALL_WH if small else FIT_WH
    drawn = draw_annotations(pixels, annotations, table.names, fit_wh=fit_wh, labels=not small)
    return Picture(encode_jpeg(drawn, fit_wh=fit_wh), _describe(table, image), caption)


def draw_plain(table: LabelTable, image: int, caption: str) -> Picture | None:
    """Return an image without labels, None if it cannot be read."""
    pixels = _read(table, image)
    if pixels is None:
        return None
    name = table.images.names[image]
    return Picture(encode_jpeg(pixels, fit_wh=_SMALL_WH), f"the image {name}", caption)


def draw_row(table: LabelTable, row: int, caption: str) -> Picture | None:
    """Return what lies around one label, which stands out; None if its image cannot be read."""
    image = int(table.image_of[row])
    pixels = _read(table, image)
    if pixels is None:
        return None
    wh = (pixels.shape[1], pixels.shape[0])
    annotations = annotations_of(table, image, wh)
    at = row - int(table.starts[image])
    x1, y1, x2, y2 = _window(annotations.xyxy[at], wh)
    alike = pairwise_iou(annotations.xyxy[at : at + 1], annotations.xyxy)[0] >= _SAME
    drawn = draw_annotations(
        pixels[y1:y2, x1:x2],
        transform_annotations(annotations, shifting(-x1, -y1)),
        table.names,
        fit_wh=FIT_WH,
        emphasised={at, *np.flatnonzero(alike).tolist()},
    )
    name = table.names[int(table.class_ids[row])]
    alt = f"a label {name} in {table.images.names[image]}, cut out"
    return Picture(encode_jpeg(drawn, fit_wh=FIT_WH), alt, caption)


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
    """Return what is cut out around a box: a square as far as the image allows."""
    inside = np.clip(np.nan_to_num(xyxy), 0, [*wh, *wh])
    center, sides = (inside[:2] + inside[2:]) / 2, inside[2:] - inside[:2]
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
