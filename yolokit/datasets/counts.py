"""What a split holds: images, background images, boxes, boxes of each class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import I64

_BLOCK = 1024
_NAMES_SHOWN = 5


class SplitCounts(msgspec.Struct, frozen=True):
    """What a split holds: background images are those without a box, classes go by index."""

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


def describe_empty_classes(
    names: Sequence[str], boxes_by_class: Sequence[int], where: str = ""
) -> Iterator[str]:
    """Yield a sentence about classes without a box; ``where`` may be ``" in val"``, say."""
    empty = [name for name, count in zip(names, boxes_by_class, strict=True) if not count]
    if empty:
        shown = ", ".join(empty[:_NAMES_SHOWN]) + (", ..." if len(empty) > _NAMES_SHOWN else "")
        count = counted(len(empty), "class has", "classes have")
        yield f"{count} no box{where}: {shown}"
