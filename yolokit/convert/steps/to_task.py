"""Converts annotations to the task of a conversion: each change of form is entered.

A box is not made an outline unless asked for; an outline beside a box that the source states is
left aside where boxes are wanted, and that is noted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.labels.ledger import KEYPOINTS_ASIDE, OUTLINES_ASIDE
from yolokit.labels.model import Annotations, LabelledImage, SourceFile
from yolokit.labels.shapes import (
    Shape,
    box_corners,
    join_rings,
    smallest_rotated_box,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yolokit.core.types import F64
    from yolokit.labels.ledger import Ledger

_DIFFERS_PX = 2.0


class TaskPlan(msgspec.Struct, frozen=True):
    """What annotations become.

    Attributes:
        boxes_as_outlines: Make the outline, or the rotated box, of a plain box from its corners.
        one_outline: The target has room for one outline an annotation: several are joined.
    """

    task: Task = Task.DETECT
    boxes_as_outlines: bool = False
    one_outline: bool = False


def to_task(
    images: Iterable[LabelledImage], plan: TaskPlan, source: SourceFile, ledger: Ledger
) -> Iterator[LabelledImage]:
    """Give each annotation, not yet clipped, the form that the task needs.

    What cannot be brought to it is entered, and what is left aside noted.
    """
    converter = _Converter(plan, ledger)
    for labelled in images:
        annotations = labelled.annotations
        plain = not annotations.shapes and annotations.keypoints is None
        if plain and plan.task == Task.DETECT:
            yield labelled
        else:
            yield LabelledImage(labelled.image, converter.convert(labelled))
    ledger.note_aside(source, converter.aside)


class _Converter:
    """Converts the annotations of one image after the other, and counts what is left aside."""

    def __init__(self, plan: TaskPlan, ledger: Ledger) -> None:
        self._task = plan.task
        self._plan = plan
        self._ledger = ledger
        self.aside: Counter[tuple[str, str]] = Counter()

    @np.errstate(over="ignore", invalid="ignore")  # what is not finite is dropped later
    def convert(self, labelled: LabelledImage) -> Annotations:
        annotations = labelled.annotations
        changes = dict(annotations.reinterpreted)
        shapes: dict[int, Shape] = {}
        xyxy = annotations.xyxy.copy()
        lost: set[int] = set()
        for row in range(len(annotations)):
            shape, remark = self._fit(annotations, row)
            if shape is not None:
                shapes[row] = shape
                self._compare(annotations.shapes.get(row), xyxy[row])
                xyxy[row] = shape.xyxy
            elif self._task in (Task.SEGMENT, Task.OBB):
                lost.add(row)
                place = int(annotations.places[row])
                self._ledger.record(labelled.image.source, place, "dropped", *_LACKS[self._task])
            if remark is not None:
                changes[row] = _add(changes.get(row), remark)
        keypoints = annotations.keypoints if self._task == Task.POSE else None
        if annotations.keypoints is not None and self._task != Task.POSE:
            self.aside[KEYPOINTS_ASIDE] += int((annotations.keypoints[..., 2] > 0).any(1).sum())
        converted = Annotations(
            annotations.category_indices, xyxy, annotations.places, changes, shapes, keypoints
        )
        return converted.without(lost)

    def _fit(self, annotations: Annotations, row: int) -> tuple[Shape | None, str | None]:
        """Return what an annotation is in this task beside its box, and what was done to it."""
        shape = annotations.shapes.get(row)
        if self._task == Task.SEGMENT:
            return self._fit_outline(shape, annotations.xyxy[row])
        if self._task == Task.OBB:
            return self._fit_rotated(shape, annotations.xyxy[row])
        if shape is None:
            return None, None
        if shape.box_stated:
            self.aside[OUTLINES_ASIDE] += 1
            return None, None
        return None, _TO_BOX["mask" if _is_mask(shape) else shape.kind]

    def _fit_outline(self, shape: Shape | None, box: F64) -> tuple[Shape | None, str | None]:
        if shape is None or shape.kind == "rotated":
            if not self._plan.boxes_as_outlines:
                return None, None
            rings = shape.rings if shape is not None else (box_corners(box.tolist()),)
            kind = "box" if shape is None else "rotated"
            return Shape(rings), f"{kind}-to-polygon: its corners became its outline, as asked for"
        if len(shape.rings) == 1 or not self._plan.one_outline:
            return shape, shape.remark
        remark = f"polygons-joined: {counted(len(shape.rings), 'outline')} became one"
        joined = Shape((join_rings(shape.rings),), box_stated=shape.box_stated)
        return joined, remark if shape.remark is None else _add(shape.remark, remark)

    def _fit_rotated(self, shape: Shape | None, box: F64) -> tuple[Shape | None, str | None]:
        if shape is None:
            if not self._plan.boxes_as_outlines:
                return None, None
            corners = box_corners(box.tolist())
            return Shape((corners,), "rotated"), "box-to-rotated: it got no angle, as asked for"
        if shape.kind == "rotated":
            return shape, shape.remark
        corners = smallest_rotated_box(np.concatenate(shape.rings))
        remark = "polygon-to-rotated: the smallest rotated box around the outline"
        return Shape((corners,), "rotated", box_stated=shape.box_stated), remark

    def _compare(self, stated: Shape | None, box: F64) -> None:
        """Count a box that the source states beside an outline, and elsewhere."""
        if stated is None or not stated.box_stated:
            return
        if float(np.abs(np.array(stated.xyxy) - box).max()) > _DIFFERS_PX:
            self.aside[_BOX_DIFFERS] += 1


_BOX_DIFFERS = (
    "box-differs",
    f"boxes differ from their outlines by more than {_DIFFERS_PX:g} px; the outlines were taken",
)
_LACKS = {
    Task.SEGMENT: (
        "no-outline",
        "it is a box and has no outline (--boxes-as-outlines makes one of its corners)",
    ),
    Task.OBB: (
        "no-angle",
        "it is a box without an angle (--boxes-as-outlines takes it as one of angle 0)",
    ),
}
_TO_BOX = {
    "polygon": "polygon-to-box: the box around its outline",
    "rotated": "rotated-to-box: the box around its corners",
    "mask": "mask-to-box: the box around its mask",
}


def _is_mask(shape: Shape) -> bool:
    return shape.remark is not None and shape.remark.startswith("mask-")


def _add(first: str | None, second: str) -> str:
    """Put two remarks into one: the first gives the code."""
    if first is None:
        return second
    return f"{first}; {second.partition(': ')[2] or second}"
