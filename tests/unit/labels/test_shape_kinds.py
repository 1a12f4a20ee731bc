"""What labels are is seen from the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from yolokit.core.task import Task
from yolokit.labels.model import Annotations
from yolokit.labels.shape_kinds import ShapeKinds
from yolokit.labels.shapes import Shape, box_corners, turned_box

if TYPE_CHECKING:
    from yolokit.core.types import F64

BOX = (10.0, 10.0, 50.0, 30.0)
UPRIGHT = Shape((box_corners(BOX),))
LEANING = Shape(turned_box(BOX, 20).rings)  # as a row of YOLO's has it: four corners
TRIANGLE = Shape((box_corners(BOX)[:3],))
TWO_PARTS = Shape((box_corners(BOX), box_corners(BOX)))


def annotate(*shapes: Shape | None, keypoints: F64 | None = None) -> Annotations:
    count = len(shapes)
    return Annotations(
        np.zeros(count, np.int64),
        np.array([BOX] * count).reshape(count, 4),
        np.arange(count),
        shapes={row: shape for row, shape in enumerate(shapes) if shape is not None},
        keypoints=keypoints,
    )


@pytest.mark.parametrize(
    ("shapes", "task"),
    [
        ((), Task.DETECT),
        ((None, None), Task.DETECT),
        ((UPRIGHT,), Task.DETECT),
        ((UPRIGHT, LEANING), Task.OBB),
        ((turned_box(BOX, 90),), Task.OBB),
        ((LEANING, TRIANGLE), Task.SEGMENT),
        ((None, TWO_PARTS), Task.SEGMENT),
    ],
)
def test_the_task_of_shapes(shapes: tuple[Shape | None, ...], task: Task) -> None:
    kinds = ShapeKinds()
    for shape in shapes:
        kinds.add(annotate(shape))
    assert kinds.task == task


def test_keypoints_make_a_pose() -> None:
    kinds = ShapeKinds()
    kinds.add(annotate(TRIANGLE, keypoints=np.zeros((1, 2, 3))))
    assert kinds.task == Task.POSE
