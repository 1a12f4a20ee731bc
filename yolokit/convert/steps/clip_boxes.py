"""Decides each annotation's outcome: kept, clipped to its image, reinterpreted, or dropped.

Images are handled in blocks, all boxes of a block at once: nearly every image goes through
unchanged, and only those that do not are looked at one by one.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.labels.model import Annotations, LabelledImage
from yolokit.labels.shapes import (
    Shape,
    box_corners,
    clip_ring,
    enclosing_box,
    ring_area,
    smallest_rotated_box,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.convert.findings import BoxWatch
    from yolokit.core.types import F64, Bool
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import SourceFile

TOLERANCE_PX = 0.01
"""A box may stick out by this much without being called clipped, and must be larger."""

_BLOCK = 1024
_ODD_VALUES = np.errstate(over="ignore", invalid="ignore")  # infinity and NaN are looked for here


def clip_boxes(
    images: Iterable[LabelledImage], ledger: Ledger, watch: BoxWatch | None = None
) -> Iterator[LabelledImage]:
    """Clip boxes to their images and drop those without area; every outcome is entered.

    The images have sizes; the watch looks at all boxes before they are clipped.
    """
    stream = iter(images)
    while block := list(islice(stream, _BLOCK)):
        counts = [len(labelled.annotations.category_indices) for labelled in block]
        xyxy = np.concatenate([labelled.annotations.xyxy for labelled in block])
        sizes = np.array([labelled.image.image_wh * 2 for labelled in block], np.float64)
        limits = np.repeat(sizes, counts, axis=0)
        odd = ~_is_plain(xyxy, limits)
        if watch is not None:
            watch.add(xyxy, limits, sum(map(bool, counts)))
        owners = np.repeat(np.arange(len(block)), counts)
        odd_images = set(owners[odd].tolist())
        kept = len(xyxy)
        for at, labelled in enumerate(block):
            if at in odd_images or not labelled.annotations.is_plain:
                kept -= counts[at]
                yield _clip_one(labelled, ledger)
            else:
                yield labelled
        ledger.keep(kept)


@_ODD_VALUES
def _is_plain(xyxy: F64, limits: F64) -> Bool:
    """Return (N,) bool: finite, inside the image, larger than nothing. NaN compares false."""
    inside = (xyxy >= 0) & (xyxy <= limits)
    size = xyxy[:, 2:] - xyxy[:, :2]
    return np.asarray(inside.all(axis=1) & (size >= TOLERANCE_PX).all(axis=1))


@_ODD_VALUES
def _clip_one(labelled: LabelledImage, ledger: Ledger) -> LabelledImage:
    image, annotations = labelled.image, labelled.annotations
    limit = np.array(image.image_wh * 2, np.float64)
    clipped: F64 = np.clip(annotations.xyxy, 0.0, limit)
    moved = np.asarray((np.abs(clipped - annotations.xyxy) > TOLERANCE_PX).any(axis=1)).tolist()
    plain = _is_plain(annotations.xyxy, limit).tolist()
    shapes = dict(annotations.shapes)
    keypoints, lost_points = _clip_keypoints(annotations.keypoints, limit)
    dropped: set[int] = set()
    outside = f"the label sticks out of the image of {image.width_px}x{image.height_px} px: "
    for row, place in enumerate(annotations.places.tolist()):
        box = annotations.xyxy[row]
        why = None if plain[row] else _why_dropped(box, clipped[row])
        if why is None and row in shapes:
            why = _clip_shape(shapes, row, clipped, limit, moved=moved[row])
        if why is not None:
            ledger.record(image.source, place, "dropped", why, f"{_WORDS[why]}: {_show(box)}")
            dropped.add(row)
            continue
        untouched = row in shapes and shapes[row] is annotations.shapes[row]
        clips = [outside + _show(box)] if moved[row] and not untouched else []
        clips += [f"keypoint {number} lies outside it" for number in lost_points.get(row, ())]
        _record_change(ledger, image.source, place, annotations.reinterpreted.get(row), clips)
    kept = Annotations(
        annotations.category_indices, clipped, annotations.places, {}, shapes, keypoints
    )
    return LabelledImage(image, kept.without(dropped))


def _record_change(
    ledger: Ledger, source: SourceFile, place: int, change: str | None, clips: list[str]
) -> None:
    """Enter the outcome of an annotation that stays."""
    if change is not None:
        code, _, message = change.partition(": ")
        also = f"; clipped too: {'; '.join(clips)}" if clips else ""
        ledger.record(source, place, "reinterpreted", code, (message or code) + also)
    elif clips:
        ledger.record(source, place, "clipped", "clipped", "; ".join(clips))
    else:
        ledger.keep(1)


def clip_tile(labelled: LabelledImage) -> LabelledImage:
    """Clip labels of a tile that were clipped to its whole image before; nothing is entered."""
    annotations = labelled.annotations
    limit = np.array(labelled.image.image_wh * 2, np.float64)
    clipped: F64 = np.clip(annotations.xyxy, 0.0, limit)
    moved = np.asarray((np.abs(clipped - annotations.xyxy) > TOLERANCE_PX).any(axis=1))
    shapes = dict(annotations.shapes)
    for row in annotations.shapes:
        _clip_shape(shapes, row, clipped, limit, moved=bool(moved[row]))
    keypoints, _ = _clip_keypoints(annotations.keypoints, limit)
    cut = msgspec.structs.replace(annotations, xyxy=clipped, shapes=shapes, keypoints=keypoints)
    size = clipped[:, 2:] - clipped[:, :2]
    left = np.flatnonzero((size >= TOLERANCE_PX).all(axis=1))
    return LabelledImage(labelled.image, cut if len(left) == len(cut) else cut.take(left))


def _clip_shape(
    shapes: dict[int, Shape], row: int, xyxy: F64, limit: F64, *, moved: bool
) -> str | None:
    """Cut a shape to its image and its box to what is left; return why it has to go, or None."""
    shape = shapes[row]
    if moved:
        rings = [clip_ring(ring, xyxy[row].tolist()) for ring in shape.rings]
        rings = [ring for ring in rings if len(ring) > 2]
        if not rings:
            return "outside-image"
        if shape.kind == "rotated":
            rings = [_cut_rotated(shape.rings[0], rings[0], limit[2:])]
        if shape.kind != "rotated" or np.abs(rings[0] - shape.rings[0]).max() > TOLERANCE_PX:
            shapes[row] = shape = msgspec.structs.replace(shape, rings=tuple(rings))
        xyxy[row] = np.clip(shape.xyxy, 0.0, limit)
    if sum(abs(ring_area(ring)) for ring in shape.rings) < TOLERANCE_PX**2:
        around = smallest_rotated_box(np.concatenate(shape.rings))
        if abs(ring_area(around)) < TOLERANCE_PX**2:
            return "empty-outline"
    return None


def _cut_rotated(corners: F64, visible: F64, image_wh: F64) -> F64:
    """Return the (4, 2) corners of a rectangle around what an image shows of a rotated box.

    It keeps the angle, and corners of it may lie outside: no rectangle inside the image covers
    what is to be seen. Where it would be larger than the image, or its centre outside, which
    ultralytics refuses, it is the smallest one around, or in the end the one without an angle.

    Args:
        corners: (4, 2) px, of the whole box.
        visible: (P, 2) px, what of it lies in the image.
        image_wh: (2,) px.

    Source: ultralytics ``data/utils.py:verify_image_label``.
    """
    for cut in (_same_angle(corners, visible), smallest_rotated_box(visible)):
        low, high = cut.min(axis=0), cut.max(axis=0)
        center = (low + high) / 2
        inside = (center >= -TOLERANCE_PX) & (center <= image_wh + TOLERANCE_PX)
        if (inside & (high - low <= image_wh + TOLERANCE_PX)).all():
            return cut
    return box_corners(enclosing_box([visible]))


def _same_angle(corners: F64, points: F64) -> F64:
    """Return the corners, in their order, of the box of a rotated box's angle around points."""
    along = corners[1] - corners[0]
    along = along / max(float(np.hypot(*along)), np.finfo(np.float64).tiny)
    across = np.array([-along[1], along[0]])
    if float(across @ (corners[3] - corners[0])) < 0:
        across = -across
    u, v = points @ along, points @ across
    ends = [(u.min(), v.min()), (u.max(), v.min()), (u.max(), v.max()), (u.min(), v.max())]
    cut: F64 = np.array(ends) @ np.stack([along, across])
    return cut


def _clip_keypoints(keypoints: F64 | None, limit: F64) -> tuple[F64 | None, dict[int, list[int]]]:
    """Take points outside the image as not labelled; return row to their numbers, from 1."""
    if keypoints is None:
        return None, {}
    points = keypoints[..., :2]
    inside = ((points >= -TOLERANCE_PX) & (points <= limit[2:] + TOLERANCE_PX)).all(axis=2)
    labelled = keypoints[..., 2] > 0
    clipped = np.where((inside & labelled)[..., None], keypoints, 0.0)
    clipped[..., :2] = np.clip(clipped[..., :2], 0.0, limit[2:])
    lost: dict[int, list[int]] = {}
    for row, number in zip(*np.nonzero(labelled & ~inside), strict=True):
        lost.setdefault(int(row), []).append(int(number) + 1)
    return clipped, lost


_WORDS = {
    "not-finite": "the box has a value that is not finite",
    "inverted-box": "the box ends before it begins",
    "empty-box": "the box has no area",
    "empty-outline": "the outline has no area",
    "outside-image": "the box lies outside the image",
}


def _why_dropped(box: F64, clipped: F64) -> str | None:
    """Return the code of the reason why a (4,) box cannot stay, or None."""
    if not np.isfinite(box).all():
        return "not-finite"
    size = box[2:] - box[:2]
    if (size < 0).any():
        return "inverted-box"
    if (size < TOLERANCE_PX).any():
        return "empty-box"
    if (clipped[2:] - clipped[:2] < TOLERANCE_PX).any():
        return "outside-image"
    return None


def _show(box: F64) -> str:
    return "xyxy " + " ".join(f"{value:g}" for value in box.tolist())
