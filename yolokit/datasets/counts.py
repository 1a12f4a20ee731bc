"""What a split holds: images, background images, boxes, boxes of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from yolokit.core.types import I64

_BLOCK = 1024


class SplitCounts(msgspec.Struct, frozen=True):
    """What a split holds.

    Attributes:
        images: All images.
        background_images: Those without a box.
        boxes: All boxes.
        boxes_by_class: Boxes of each class, by index.
    """

    images: int
    background_images: int
    boxes: int
    boxes_by_class: tuple[int, ...]


class SplitCounter:
    """Counts a split's images and boxes, a block of images at a time."""

    def __init__(self, classes: int) -> None:
        self._images = 0
        self._background = 0
        self._boxes = np.zeros(classes, np.int64)
        self._pending: list[I64] = []

    def add(self, category_indices: I64) -> None:
        """Count an image and its boxes, (N,) int64 by class."""
        self._images += 1
        self._background += not len(category_indices)
        self._pending.append(category_indices)
        if len(self._pending) == _BLOCK:
            self._sum_up()

    def _sum_up(self) -> None:
        if self._pending:
            found = np.concatenate(self._pending)
            self._boxes += np.bincount(found, minlength=len(self._boxes))
            self._pending.clear()

    def freeze(self) -> SplitCounts:
        """Return what was counted."""
        self._sum_up()
        boxes = tuple(self._boxes.tolist())
        return SplitCounts(self._images, self._background, sum(boxes), boxes)
