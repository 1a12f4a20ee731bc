"""COCO annotations one by one: what they have beside a box, and those that are malformed.

Masks, keypoints and rotation are decoded when their image comes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from yolokit.core.task import Task
from yolokit.core.types import F64, I64
from yolokit.errors import DataError
from yolokit.formats.coco.file import (
    CocoCategory,
    CocoImage,
    CocoShapedAnnotation,
    CocoShapedFile,
    LooseAnnotation,
    LooseFile,
    convert_item,
)
from yolokit.formats.toolkit.mask_codecs import box_of_mask, set_fragments_aside, shape_of_mask
from yolokit.formats.toolkit.units import MAX_FRACTION
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, LabelledImage, PoseLayout, SourceFile
from yolokit.labels.shapes import Shape, describe_fragments, turned_box

_DIGIT = re.compile(rb"[0-9]")
_MAX_DEGREES = 1e6

_Item = TypeVar("_Item", bound=msgspec.Struct)


class DetailReader:
    """Adds masks or keypoints to boxes; what cannot be read goes to the ledger.

    Args:
        task: Says which of the two is wanted.
        pose: The keypoints of each annotation, for a task that wants them.
        ledger: Gets annotations that have to go.
        in_fractions: Everything is in fractions of the image, but run lengths.
    """

    def __init__(
        self, task: Task, pose: PoseLayout | None, ledger: Ledger, *, in_fractions: bool
    ) -> None:
        self._wants_shapes = task in (Task.SEGMENT, Task.OBB)
        self._in_fractions = in_fractions
        self._pose = pose
        self._ledger = ledger

    def add_details(
        self,
        labelled: LabelledImage,
        details: Sequence[CocoShapedAnnotation],
        from_mask: Mapping[int, str],
    ) -> LabelledImage:
        """Add what N annotations of one image have beside their boxes.

        Rows in ``from_mask`` have a box that was made from their mask, with a remark on it.
        """
        boxes = labelled.annotations
        xyxy = boxes.xyxy.copy()
        shapes: dict[int, Shape] = {}
        keypoints = self._make_keypoints(len(boxes))
        bad: dict[int, str] = {}
        for row, detail in enumerate(details):
            try:
                stated = row not in from_mask
                shape, fragments = self._read_shape(detail, xyxy[row], box_stated=stated)
                if fragments:
                    place = int(boxes.places[row])
                    self._ledger.note(labelled.image.source, place, *describe_fragments(fragments))
                if shape is not None:
                    shapes[row] = shape
                if shape is not None and shape.kind == "rotated":
                    xyxy[row] = shape.xyxy
                if keypoints is not None:
                    _decode_keypoints(detail, keypoints[row])
                    self._check_units(keypoints[row, :, :2], xyxy[row], "keypoints are")
            except ValueError as error:
                bad[row] = str(error)
        changes = {} if self._wants_shapes else from_mask
        full = Annotations(boxes.category_indices, xyxy, boxes.places, changes, shapes, keypoints)
        for row, message in bad.items():
            place = int(boxes.places[row])
            self._ledger.record(labelled.image.source, place, "dropped", "bad-annotation", message)
        if bad:
            full = full.take(np.array([r for r in range(len(full)) if r not in bad], np.int64))
        return LabelledImage(labelled.image, full)

    def _read_shape(
        self, detail: CocoShapedAnnotation, box: F64, *, box_stated: bool
    ) -> tuple[Shape | None, int]:
        """Return the outline that is wanted, or the turned box; and how many fragments it had."""
        has_outline = _DIGIT.search(bytes(detail.segmentation)) is not None
        if has_outline and self._wants_shapes:
            segmentation, fragments = set_fragments_aside(_decode(detail.segmentation))
            shape = shape_of_mask(segmentation, box_stated=box_stated) if segmentation else None
            if shape is not None and isinstance(segmentation, dict) and self._in_fractions:
                height, width = segmentation["size"]
                rings = tuple(ring / (width, height) for ring in shape.rings)
                shape = msgspec.structs.replace(shape, rings=rings)
            if shape is not None:
                self._check_units(np.concatenate(shape.rings), box, "outline is")
                return shape, fragments
        return None if has_outline else self._turn(detail, box), 0

    def _turn(self, detail: CocoShapedAnnotation, box: F64) -> Shape | None:
        """Return a box that CVAT's attribute turns; others use the name for what they like."""
        attributes = _decode(detail.attributes)
        stated = attributes.get("rotation") if isinstance(attributes, dict) else None
        known = isinstance(stated, int | float) and abs(stated) < _MAX_DEGREES
        degrees = float(stated) if known and stated is not None else 0.0
        if not degrees % 360:
            return None
        if self._in_fractions or (box[2:] < box[:2]).any():
            raise ValueError("the turned box ends before it begins, or is in fractions")
        return turned_box(box.tolist(), degrees)

    def _check_units(self, points: F64, box: F64, what: str) -> None:
        """Refuse what is in px beside a box in fractions, or the other way round."""
        largest = float(np.abs(points).max(initial=0.0))
        if self._in_fractions and largest > MAX_FRACTION:
            raise ValueError(f"its {what} in pixels, and its box in fractions of the image")
        if not self._in_fractions and 0 < largest <= 1 and float((box[2:] - box[:2]).max()) > 2:
            raise ValueError(f"its {what} in fractions of the image, and its box in pixels")

    def _make_keypoints(self, count: int) -> F64 | None:
        if self._pose is None:
            return None
        return np.zeros((count, len(self._pose.names), 3), np.float64)


def _decode(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw) if bytes(raw) else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _decode_keypoints(detail: CocoShapedAnnotation, into: F64) -> None:
    """Put ``[x, y, visibility, ...]`` into (K, 3); points that are not labelled stay 0.

    Raises:
        ValueError: They are not as many as the category describes, or no numbers.
    """
    values = _decode(detail.keypoints)
    if values is None or values == []:
        return
    if not isinstance(values, list) or len(values) != into.size:
        raise ValueError(f"its `keypoints` are not {into.size} numbers")
    try:
        points = np.array(values, np.float64).reshape(into.shape)
    except (TypeError, ValueError) as error:
        raise ValueError("its `keypoints` hold something that is not a number") from error
    if not np.isfinite(points).all() or not np.isin(points[:, 2], (0, 1, 2)).all():
        raise ValueError("its `keypoints` have a visibility other than 0, 1 and 2")
    into[:] = np.where(points[:, 2:] > 0, points, 0.0)


def tighten(
    loose: LooseFile, source: SourceFile, ledger: Ledger
) -> tuple[CocoShapedFile, I64, frozenset[int]]:
    """Bring a loose file's items into their types one by one; bad annotations are dropped."""
    images = [
        _required(item, CocoImage, f"item {at} of `images`", source)
        for at, item in enumerate(loose.images)
    ]
    categories = [
        _required(item, CocoCategory, f"item {at} of `categories`", source)
        for at, item in enumerate(loose.categories)
    ]
    annotations: list[CocoShapedAnnotation] = []
    places: list[int] = []
    masks: set[int] = set()
    for place, item in enumerate(loose.annotations):
        try:
            one = convert_item(item, LooseAnnotation)
            box = _xywh(one)
            if box is None:
                one.segmentation, fragments = set_fragments_aside(one.segmentation)
                box = _xywh_of_mask(one.segmentation)
                masks.add(place)
                if fragments:
                    ledger.note(source, place, *describe_fragments(fragments))
        except ValueError as error:
            ledger.record(source, place, "dropped", "bad-annotation", str(error))
            continue
        places.append(place)
        details = (one.segmentation, one.keypoints, one.attributes)
        raw = (msgspec.Raw(msgspec.json.encode(detail)) for detail in details)
        crowd = int(bool(one.iscrowd))
        annotations.append(CocoShapedAnnotation(one.image_id, one.category_id, box, crowd, *raw))
    file = CocoShapedFile(images, annotations, categories)
    return file, np.array(places, np.int64), frozenset(masks)


def _required(item: Any, item_type: type[_Item], what: str, source: SourceFile) -> _Item:
    """Bring an item into its type, where the file makes no sense without it."""
    try:
        return convert_item(_mended(item), item_type)
    except ValueError as error:
        raise DataError(f"{what}: {error}", path=source.path) from error


def _mended(item: Any) -> Any:
    """Leave out what is optional and not usable: a size that is not a whole number, no address."""
    if not isinstance(item, dict):
        return item
    sizes = {key: _whole(item[key]) for key in ("width", "height") if key in item}
    found = {**item, **sizes}
    empty = [key for key in ("file_name", "coco_url", "flickr_url") if found.get(key, "") is None]
    return {key: value for key, value in found.items() if key not in empty}


def _whole(value: Any) -> int | None:
    try:
        return round(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _xywh(item: LooseAnnotation) -> tuple[float, float, float, float] | None:
    """Return the box of an annotation, None if it has none and is to be made from its mask."""
    box = item.bbox
    if box is None or box == []:
        if not item.segmentation:
            raise ValueError("it has neither a `bbox` nor a `segmentation`")
        return None
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError(f"its `bbox` is not [x, y, width, height] but {str(box)[:80]}")
    try:
        x, y, width, height = (float(value) for value in box)
    except (TypeError, ValueError) as error:
        raise ValueError(f"its `bbox` is not four numbers: {str(box)[:80]}") from error
    return x, y, width, height


def _xywh_of_mask(segmentation: Any) -> tuple[float, float, float, float]:
    box = box_of_mask(segmentation)
    if box is None:
        raise ValueError("its mask covers nothing")
    return box[0], box[1], box[2] - box[0], box[3] - box[1]
