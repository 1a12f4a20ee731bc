"""What stands beside a COCO annotation's box: its mask, decoded as its image comes; keypoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from yolokit.annotations.formats._coco_mask import shape_of_mask
from yolokit.annotations.model import Annotations, LabelledImage
from yolokit.annotations.pose import PoseLayout, describe_pose
from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from yolokit.annotations.formats._coco_json import CocoCategory, CocoShapedAnnotation
    from yolokit.annotations.ledger import Ledger
    from yolokit.annotations.shapes import Shape, Task
    from yolokit.core.types import F64


def find_pose(categories: Sequence[CocoCategory], path: Path) -> PoseLayout | None:
    """Return the keypoints that categories describe, or None if none does.

    Raises:
        DataError: Two categories have different keypoints.
    """
    described = {tuple(item.keypoints): item.name for item in categories if item.keypoints}
    if len(described) > 1:
        first, second = list(described.values())[:2]
        raise DataError(
            f"the categories {first!r} and {second!r} have different keypoints; a detector of "
            "poses has the same for all",
            path=path,
            hint="convert them apart, each with --keep NAME",
        )
    return describe_pose(next(iter(described))) if described else None


class DetailReader:
    """Adds masks or keypoints to boxes; what cannot be read goes to the ledger.

    Args:
        task: Tells which of the two is wanted.
        pose: The keypoints of each annotation, for a task that wants them.
        ledger: Gets annotations that have to go.
    """

    def __init__(self, task: Task, pose: PoseLayout | None, ledger: Ledger) -> None:
        self._wants_shapes = task in ("segment", "obb")
        self._pose = pose
        self._ledger = ledger

    def add_details(
        self,
        labelled: LabelledImage,
        details: Sequence[CocoShapedAnnotation],
        from_mask: Mapping[int, str],
    ) -> LabelledImage:
        """Add what stands beside the boxes of one image.

        Args:
            labelled: The image with N boxes.
            details: N items.
            from_mask: Rows whose box was made from their mask, with the remark on it.
        """
        boxes = labelled.annotations
        shapes: dict[int, Shape] = {}
        keypoints = self._make_keypoints(len(boxes))
        bad: dict[int, str] = {}
        for row, detail in enumerate(details):
            try:
                if self._wants_shapes:
                    shape = _decode_mask(detail, box_stated=row not in from_mask)
                    if shape is not None:
                        shapes[row] = shape
                elif keypoints is not None:
                    _decode_keypoints(detail, keypoints[row])
            except ValueError as error:
                bad[row] = str(error)
        changes = {} if self._wants_shapes else from_mask
        full = Annotations(
            boxes.category_indices, boxes.xyxy, boxes.places, changes, shapes, keypoints
        )
        for row, message in bad.items():
            place = int(boxes.places[row])
            self._ledger.record(labelled.image.source, place, "dropped", "bad-annotation", message)
        if bad:
            full = full.take(np.array([r for r in range(len(full)) if r not in bad], np.int64))
        return LabelledImage(labelled.image, full)

    def _make_keypoints(self, count: int) -> F64 | None:
        if self._pose is None:
            return None
        return np.zeros((count, len(self._pose.names), 3), np.float64)


def _decode(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw) if bytes(raw) else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _decode_mask(detail: CocoShapedAnnotation, *, box_stated: bool) -> Shape | None:
    segmentation = _decode(detail.segmentation)
    return shape_of_mask(segmentation, box_stated=box_stated) if segmentation else None


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
        raise ValueError("its `keypoints` hold something that is no number") from error
    if not np.isfinite(points).all() or not np.isin(points[:, 2], (0, 1, 2)).all():
        raise ValueError("its `keypoints` have a visibility other than 0, 1 and 2")
    into[:] = np.where(points[:, 2:] > 0, points, 0.0)
