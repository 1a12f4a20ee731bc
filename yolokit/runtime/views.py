"""The parts of an image that a model sees, and their detections made one list again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from yolokit.core.nms import suppress_overlaps
from yolokit.core.types import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import Letterbox

# Left, top, right and bottom in px of the image; right and bottom are the first ones outside.
Region: TypeAlias = tuple[int, int, int, int]


class Views(Protocol):
    """Chooses the parts of an image; a function of a module, or an object that can be pickled."""

    def __call__(self, image_wh: tuple[int, int]) -> Sequence[Region]:
        """Return at least one region of an image of a width and height in px; they may overlap."""
        ...


def whole_image(image_wh: tuple[int, int]) -> Sequence[Region]:
    """Return the one region that is the image."""
    return ((0, 0, *image_wh),)


@dataclass(frozen=True, slots=True)
class View:
    """One part of an image, and how it becomes an input.

    Attributes:
        offset_xy: Its left and top in px of the image.
        letterbox: From its own pixels to those of the input.
    """

    offset_xy: tuple[int, int]
    letterbox: Letterbox


def merge_views(
    views: Sequence[View], found: Sequence[Detections], *, max_iou: float, max_count: int
) -> Detections:
    """Return what was found in all views of an image, each object once.

    Args:
        views: Of one image.
        found: The detections of each, in its own pixels.
        max_iou: Overlap up to which two boxes of a class are two objects, in [0, 1].
        max_count: Most detections to return.

    Returns:
        Detections in pixels of the image, score-descending.
    """
    if len(views) == 1 and views[0].offset_xy == (0, 0):
        return found[0]
    xyxy = np.concatenate(
        [
            one.xyxy + np.array(view.offset_xy * 2, np.float32)
            for view, one in zip(views, found, strict=True)
        ]
    )
    scores = np.concatenate([one.scores for one in found])
    class_ids = np.concatenate([one.class_ids for one in found])
    kept = suppress_overlaps(xyxy, scores, class_ids, max_iou=max_iou, max_count=max_count)
    return Detections(xyxy[kept], scores[kept], class_ids[kept])
