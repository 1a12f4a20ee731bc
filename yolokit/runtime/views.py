"""The parts of an image that a model sees, and how their detections are merged."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from yolokit.core.nms import suppress_overlaps
from yolokit.core.types import Detections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import Letterbox

# Left, top, right and bottom in px of the image; right and bottom are the first ones outside.
Region: TypeAlias = tuple[int, int, int, int]


class Views(Protocol):
    """Chooses the parts of an image; a function or an object that can be pickled."""

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
    views: Sequence[View],
    found: Sequence[Detections],
    image_wh: tuple[int, int],
    *,
    max_iou: float,
    max_det: int,
) -> Detections:
    """Return what was found in all views of an image, each object once.

    Args:
        views: Of one image.
        found: The detections of each, in its own pixels.
        image_wh: Width and height of the image in px.
        max_iou: Overlap up to which two boxes of a class are two objects, in [0, 1].
        max_det: Most detections to return.

    Returns:
        Detections in pixels of the image, score-descending.
    """
    if len(views) == 1 and views[0].offset_xy == (0, 0):
        return found[0]
    placed = [_place(one, view.offset_xy, image_wh) for view, one in zip(views, found, strict=True)]
    joined = {
        name: np.concatenate([one[name] for one in placed])
        for name in placed[0]
        if all(one[name] is not None for one in placed)
    }
    kept = suppress_overlaps(
        joined["xyxy"], joined["scores"], joined["class_ids"], max_iou=max_iou, max_det=max_det
    )
    return Detections(**{name: part[kept] for name, part in joined.items()})


def _place(
    found: Detections, offset_xy: tuple[int, int], image_wh: tuple[int, int]
) -> dict[str, Any]:
    """Return the parts of detections in a view, by name, in pixels of the image."""
    left, top = offset_xy
    parts: dict[str, Any] = {one.name: getattr(found, one.name) for one in fields(found)}
    parts["xyxy"] = found.xyxy + np.array([left, top, left, top], np.float32)
    if found.keypoints is not None:
        parts["keypoints"] = found.keypoints + np.array([left, top, 0], np.float32)
    if found.rotated is not None:
        parts["rotated"] = found.rotated + np.array([left, top, 0, 0, 0], np.float32)
    if found.masks is not None:
        count, height, width = found.masks.shape
        masks = parts["masks"] = np.zeros((count, image_wh[1], image_wh[0]), np.bool_)
        masks[:, top : top + height, left : left + width] = found.masks
    return parts
