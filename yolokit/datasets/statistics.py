"""Figures of a data set: what its splits hold, how large its objects are, what occurs together."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from yolokit.core.types import F32, F64, I64, Bool
    from yolokit.datasets.label_table import ImageColumns, LabelTable

_SIDE_EDGES_PX = (0, 4, 8, 16, 32, 64, 96, 128, 192, 256, 384, 512, 640)
_ASPECT_EDGES = (0, 1 / 8, 1 / 4, 1 / 2, 2 / 3, 1, 3 / 2, 2, 4, 8)
_OBJECT_EDGES = (0, 1, 2, 3, 5, 10, 20, 50, 100, 300)
_MOST_CLASSES = 500  # a matrix of more cannot be shown, and takes long to count
_SIZES_KEPT = 20
_BLOCK = 8192


class Histogram(msgspec.Struct, frozen=True):
    """How many values lie in each bin.

    Attributes:
        edges: Of the bins, one more than there are; a bin has its lower edge, and the last one
            all that is not below it.
        counts: One for each bin.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @classmethod
    def count(cls, values: F64 | I64, edges: tuple[float, ...]) -> Histogram:
        """Count (N,) values; the last bin, which is open, is drawn up to the largest of them."""
        places = np.searchsorted(np.array(edges), values, side="right") - 1
        counts = np.bincount(np.maximum(places, 0), minlength=len(edges))
        top = max(float(values.max(initial=0)), edges[-1] + 1)
        return cls((*edges, top), tuple(counts.tolist()))


class SplitStatistics(msgspec.Struct, frozen=True):
    """What one split holds.

    Attributes:
        images: How many there are.
        background: How many of them have no box.
        boxes: How many there are.
        boxes_by_class: One number for each class.
        images_by_class: In how many images each class occurs.
        most_objects: In one image.
    """

    images: int
    background: int
    boxes: int
    boxes_by_class: tuple[int, ...]
    images_by_class: tuple[int, ...]
    most_objects: int


class SetStatistics(msgspec.Struct, frozen=True):
    """Figures of a whole data set, for checks and for pages that show it.

    Attributes:
        names: Of the classes.
        imgsz: The resolution in px that sides are measured at.
        splits: Split to what it holds, in the order of the set; the one without a name is of what
            is in no split.
        sides: Of all boxes: the square root of the area in px, where the image's longer side is
            ``imgsz``; those of images whose size is not known are not among them.
        aspects: Width over height of the same boxes.
        objects: Objects an image.
        together: In how many images both classes occur, by rows; on the diagonal, one. Empty
            where there are more than 500 classes.
        image_sizes: Width, height and number of images, the most frequent twenty.
        other_sizes: How many images have another size.
    """

    names: tuple[str, ...]
    imgsz: int
    splits: dict[str, SplitStatistics]
    sides: Histogram
    aspects: Histogram
    objects: Histogram
    together: tuple[tuple[int, ...], ...]
    image_sizes: tuple[tuple[int, int, int], ...]
    other_sizes: int


def compute_statistics(table: LabelTable, imgsz: int) -> SetStatistics:
    """Count what a data set holds.

    Args:
        table: All its labels.
        imgsz: The resolution of training in px.
    """
    objects = np.bincount(table.image_of, minlength=len(table.images))
    sides_px = training_sides_px(table, imgsz)
    known = sides_px[(sides_px > 0).all(axis=1)]
    sizes = Counter(map(tuple, table.images.wh_px[table.images.wh_px[:, 0] > 0].tolist()))
    shown = sizes.most_common(_SIZES_KEPT)
    return SetStatistics(
        names=table.names,
        imgsz=imgsz,
        splits=_count_splits(table, objects),
        sides=Histogram.count(np.sqrt(known.prod(axis=1)), _SIDE_EDGES_PX),
        aspects=Histogram.count(known[:, 0] / known[:, 1], _ASPECT_EDGES),
        objects=Histogram.count(objects, _OBJECT_EDGES),
        together=tuple(map(tuple, count_together(table).tolist())),
        image_sizes=tuple((size[0], size[1], count) for size, count in shown),
        other_sizes=sizes.total() - sum(count for _, count in shown),
    )


def training_sides_px(table: LabelTable, imgsz: int) -> F64:
    """Return (R, 2), the sides of each box in px of the training; 0 where not known, or below 0.

    There the longer side of an image is ``imgsz``; a part of a box outside its image is cut off.
    """
    longest = table.wh_px.max(axis=1, initial=0)
    scale = np.divide(imgsz, longest, out=np.zeros(len(longest)), where=longest > 0)
    inside = np.clip(table.xyxy, 0, 1)
    sides: F64 = np.maximum(inside[:, 2:] - inside[:, :2], 0) * table.wh_px * scale[:, None]
    return sides


def count_together(table: LabelTable, *, least_objects: int = 1) -> I64:
    """Return (C, C), in how many images of so many objects two classes occur both.

    (0, 0) where there are too many classes to tell.
    """
    classes = len(table.names)
    if classes > _MOST_CLASSES:
        return np.zeros((0, 0), np.int64)
    counts = np.zeros((classes, classes), np.float64)
    starts = table.starts
    for first in range(0, len(table.images), _BLOCK):
        last = min(first + _BLOCK, len(table.images))
        rows = slice(int(starts[first]), int(starts[last]))
        occurs: F32 = np.zeros((last - first, classes), np.float32)
        occurs[table.image_of[rows] - first, table.class_ids[rows]] = 1
        occurs = occurs[np.diff(starts[first : last + 1]) >= least_objects]
        counts += occurs.T @ occurs
    return counts.astype(np.int64)


def number_splits(images: ImageColumns) -> tuple[tuple[str, ...], I64]:
    """Return the names of the splits, and (I,) which of them each image is in."""
    splits = tuple(dict.fromkeys(images.splits))
    index_of = {name: index for index, name in enumerate(splits)}
    return splits, np.array([index_of[name] for name in images.splits], np.int64)


def _count_splits(table: LabelTable, objects: I64) -> dict[str, SplitStatistics]:
    splits, split_of = number_splits(table.images)
    return {
        name: _count_split(table, objects, split_of == index) for index, name in enumerate(splits)
    }


def _count_split(table: LabelTable, objects: I64, is_in: Bool) -> SplitStatistics:
    rows = is_in[table.image_of]
    class_ids, owners = table.class_ids[rows], table.image_of[rows]
    classes = len(table.names)
    pairs = np.sort(owners * classes + class_ids)  # np.unique takes ten times as long
    once = pairs[np.diff(pairs, prepend=-1) > 0] % max(classes, 1)
    boxes = np.bincount(class_ids, minlength=classes)
    return SplitStatistics(
        images=int(is_in.sum()),
        background=int((objects[is_in] == 0).sum()),
        boxes=len(class_ids),
        boxes_by_class=tuple(boxes.tolist()),
        images_by_class=tuple(np.bincount(once, minlength=classes).tolist()),
        most_objects=int(objects[is_in].max(initial=0)),
    )
