"""Cuts large images into tiles that overlap, and their labels with them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from msgspec import Meta

from yolokit.convert.steps.clip_boxes import clip_tile
from yolokit.convert.steps.filter_areas import visible_areas
from yolokit.core.plural import counted
from yolokit.labels.model import Annotations, LabelledImage, SourceFile
from yolokit.labels.transforms import shifting, transform_annotations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.core.types import F64, I64
    from yolokit.labels.ledger import Ledger

Crop = tuple[int, int, int, int]
_BY_HAIR = 1e-9


class TilePlan(msgspec.Struct, frozen=True):
    """How images are cut.

    Attributes:
        side_px: Width and height of a tile; smaller images stay whole.
        overlap: The least share of a tile that it has in common with its neighbour, in [0, 1).
        min_visible: The least share of an annotation that a tile must show to have it, in (0, 1].
    """

    side_px: Annotated[int, Meta(ge=16)]
    overlap: Annotated[float, Meta(ge=0, lt=1)] = 0.2
    min_visible: Annotated[float, Meta(gt=0, le=1)] = 0.3


def list_tiles(image_wh: tuple[int, int], plan: TilePlan) -> list[Crop]:
    """Return the tiles of an image as xyxy in px, row by row.

    They are spread evenly, so that the last one ends where the image ends and none is smaller
    than ``side_px`` unless the image is.
    """
    columns = _spread(image_wh[0], plan)
    rows = _spread(image_wh[1], plan)
    return [(x1, y1, x2, y2) for y1, y2 in rows for x1, x2 in columns]


def _spread(length_px: int, plan: TilePlan) -> list[tuple[int, int]]:
    side = plan.side_px
    if length_px <= side:
        return [(0, length_px)]
    step = max(1.0, side * (1 - plan.overlap))
    count = int(np.ceil((length_px - side) / step - _BY_HAIR)) + 1
    starts = np.linspace(0, length_px - side, count).round().astype(int).tolist()
    return [(start, start + side) for start in starts]


def exclude_hidden(
    images: Iterable[LabelledImage], plan: TilePlan, ledger: Ledger
) -> Iterator[LabelledImage]:
    """Leave out annotations that no tile would show enough of, before their outcome is entered."""
    for labelled in images:
        image, annotations = labelled.image, labelled.annotations
        tiles = list_tiles(image.image_wh, plan)
        if len(tiles) == 1 or not len(annotations):
            yield labelled
            continue
        frame = np.array([0, 0, *image.image_wh], np.float64)
        whole = visible_areas(annotations, frame)
        shares = [_shares(annotations, whole, tile) for tile in tiles]
        shown = np.max(shares, axis=0) >= plan.min_visible - _BY_HAIR
        # What has no area in the image does not concern tiles: clipping says what is wrong.
        hidden = np.flatnonzero(~shown & (whole > 0)).tolist()
        messages = dict.fromkeys(hidden, f"no tile shows {plan.min_visible:.0%} of it")
        yield ledger.exclude(labelled, "not-visible", messages)


def tile_images(
    images: Iterable[LabelledImage], plan: TilePlan, source: SourceFile, ledger: Ledger
) -> Iterator[LabelledImage]:
    """Cut images and their labels into tiles.

    They are clipped, without annotations that :func:`exclude_hidden` leaves out. How many labels
    were cut or are in several tiles is noted.
    """
    told: Counter[str] = Counter()
    for labelled in images:
        tiles = list_tiles(labelled.image.image_wh, plan)
        if len(tiles) == 1:
            yield labelled
            continue
        frame = np.array([0, 0, *labelled.image.image_wh], np.float64)
        whole = visible_areas(labelled.annotations, frame)
        copies = np.zeros(len(labelled.annotations), np.int64)
        for tile in tiles:
            shares = _shares(labelled.annotations, whole, tile)
            rows: I64 = np.flatnonzero(shares >= plan.min_visible - _BY_HAIR)
            copies[rows] += 1
            told["cut at the edge of a tile"] += int((shares[rows] < 1 - 1e-6).sum())
            yield _cut(labelled, rows, tile)
        told["in more than one tile"] += int((copies > 1).sum())
    for what, count in sorted(told.items()):
        if count:
            labels = counted(count, "label is", "labels are")
            ledger.note(source, None, "tiled", f"{labels} {what}")


def _shares(annotations: Annotations, whole: F64, tile: Crop) -> F64:
    """Return the (N,) shares of annotations that a tile shows, of what the image shows."""
    inside = visible_areas(annotations, np.array(tile, np.float64))
    shares: F64 = np.divide(inside, whole, out=np.zeros_like(whole), where=whole > 0)
    return shares


def _cut(labelled: LabelledImage, rows: I64, tile: Crop) -> LabelledImage:
    x1, y1, x2, y2 = tile
    image = labelled.image
    stem, dot, suffix = image.file_name.rpartition(".")
    name = f"{stem if dot else image.file_name}-{x1}-{y1}{dot}{suffix if dot else ''}"
    record = msgspec.structs.replace(
        image, file_name=name, width_px=x2 - x1, height_px=y2 - y1, crop=tile
    )
    moved = transform_annotations(labelled.annotations.take(rows), shifting(-x1, -y1))
    return clip_tile(LabelledImage(record, moved))
