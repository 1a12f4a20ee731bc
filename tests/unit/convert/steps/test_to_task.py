"""What becomes of outlines, rotated boxes and keypoints in each task, and what is said of it."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
import pytest

from yolokit.convert.steps.clip_boxes import clip_boxes
from yolokit.convert.steps.to_task import TaskPlan, to_task
from yolokit.core.task import Task
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile
from yolokit.labels.shapes import Shape, box_corners, rotated_corners

SOURCE = SourceFile("a.json")
BOX = Shape((box_corners([10, 10, 30, 20]),))
OUTLINE = Shape((np.array([[10, 10], [30, 10], [10, 30]], np.float64),))
TWO = Shape((box_corners([0, 0, 10, 10]), box_corners([20, 0, 25, 5])))
TURNED = Shape((rotated_corners((50, 25), (30, 10), 45),), "rotated")
STATED = msgspec.structs.replace(OUTLINE, box_stated=True)
MASK = msgspec.structs.replace(OUTLINE, remark="mask-to-polygon: traced")


def run(
    shape: Shape | None, task: Task, **options: bool
) -> tuple[Annotations, list[tuple[str, str]], Ledger]:
    box = shape.xyxy if shape is not None else [1, 2, 30, 40]
    annotations = Annotations(
        np.array([0]),
        np.array([box], np.float64),
        np.array([7]),
        shapes={} if shape is None else {0: shape},
    )
    labelled = LabelledImage(ImageRecord("a.jpg", 100, 50, None, None, SOURCE), annotations)
    ledger = Ledger()
    ledger.see(1)
    converted = to_task([labelled], TaskPlan(task, **options), SOURCE, ledger)
    (clipped,) = clip_boxes(converted, ledger)
    totals = ledger.totals
    outcomes = totals.kept + totals.clipped + totals.reinterpreted + totals.dropped
    assert outcomes == totals.annotations_in == 1
    return clipped.annotations, [(entry.action, entry.code) for entry in ledger.entries], ledger


@pytest.mark.parametrize(
    ("shape", "task", "expected"),
    [
        (None, Task.DETECT, []),
        (OUTLINE, Task.DETECT, [("reinterpreted", "polygon-to-box")]),
        (TWO, Task.DETECT, [("reinterpreted", "polygon-to-box")]),
        (TURNED, Task.DETECT, [("reinterpreted", "rotated-to-box")]),
        (MASK, Task.DETECT, [("reinterpreted", "mask-to-box")]),
        (STATED, Task.DETECT, [("noted", "outline-aside")]),
        (OUTLINE, Task.SEGMENT, []),
        (TWO, Task.SEGMENT, []),
        (STATED, Task.SEGMENT, []),
        (MASK, Task.SEGMENT, [("reinterpreted", "mask-to-polygon")]),
        (None, Task.SEGMENT, [("dropped", "no-outline")]),
        (TURNED, Task.SEGMENT, [("dropped", "no-outline")]),
        (TURNED, Task.OBB, []),
        (OUTLINE, Task.OBB, [("reinterpreted", "polygon-to-rotated")]),
        (None, Task.OBB, [("dropped", "no-angle")]),
        (None, Task.POSE, []),
    ],
)
def test_each_form_in_each_task(
    shape: Shape | None, task: Task, expected: list[tuple[str, str]]
) -> None:
    annotations, entries, _ = run(shape, task)
    assert entries == expected
    dropped = any(action == "dropped" for action, _ in expected)
    assert len(annotations) == (0 if dropped else 1)
    assert len(annotations.shapes) == (len(annotations) if task in (Task.SEGMENT, Task.OBB) else 0)


@pytest.mark.parametrize(
    ("shape", "task", "code"),
    [
        (None, Task.SEGMENT, "box-to-polygon"),
        (TURNED, Task.SEGMENT, "rotated-to-polygon"),
        (None, Task.OBB, "box-to-rotated"),
    ],
)
def test_a_box_becomes_an_outline_only_if_asked_for(
    shape: Shape | None, task: Task, code: str
) -> None:
    annotations, entries, _ = run(shape, task, boxes_as_outlines=True)
    assert entries == [("reinterpreted", code)]
    assert annotations.shapes[0].kind == ("polygon" if task == "segment" else "rotated")


def test_several_outlines_are_joined_where_there_is_room_for_one() -> None:
    annotations, entries, _ = run(TWO, Task.SEGMENT, one_outline=True)
    assert entries == [("reinterpreted", "polygons-joined")]
    assert len(annotations.shapes[0].rings) == 1
    assert annotations.xyxy.tolist() == [[0, 0, 25, 10]]


def test_a_box_that_differs_from_its_outline_is_noted() -> None:
    far = msgspec.structs.replace(OUTLINE, box_stated=True)
    annotations = Annotations(
        np.array([0]), np.array([[0, 0, 90, 40]], np.float64), np.array([7]), shapes={0: far}
    )
    labelled = LabelledImage(ImageRecord("a.jpg", 100, 50, None, None, SOURCE), annotations)
    ledger = Ledger()
    (found,) = to_task([labelled], TaskPlan(Task.SEGMENT), SOURCE, ledger)
    assert found.annotations.xyxy.tolist() == [[10, 10, 30, 30]]
    assert [entry.code for entry in ledger.entries] == ["box-differs"]


def test_the_rotated_box_of_an_outline_is_not_compared_with_a_stated_box() -> None:
    assert run(STATED, Task.OBB)[1] == [("reinterpreted", "polygon-to-rotated")]
    triangle = Shape((np.array([[10, 10], [40, 15], [20, 45]], np.float64),), box_stated=True)
    assert run(triangle, Task.OBB)[1] == [("reinterpreted", "polygon-to-rotated")]


def test_an_outline_that_sticks_out_is_cut_to_the_image() -> None:
    annotations, entries, _ = run(Shape((rotated_corners((95, 25), (30, 10), 45),)), Task.SEGMENT)
    assert entries == [("clipped", "clipped")]
    (ring,) = annotations.shapes[0].rings
    assert ring.min() >= 0
    assert ring[:, 0].max() <= 100
    assert annotations.shapes[0].xyxy == annotations.xyxy[0].tolist()


def test_an_outline_without_area_is_dropped() -> None:
    line = Shape((np.array([[10, 10], [30, 30], [20, 20]], np.float64),))
    assert run(line, Task.SEGMENT)[1] == [("dropped", "empty-outline")]


def test_keypoints_outside_the_image_are_not_labelled() -> None:
    keypoints = np.array([[[5, 5, 2], [120, 5, 2], [0, 0, 0]]], np.float64)
    annotations = Annotations(
        np.array([0]), np.array([[1, 1, 9, 9]], np.float64), np.array([7]), keypoints=keypoints
    )
    labelled = LabelledImage(ImageRecord("a.jpg", 100, 50, None, None, SOURCE), annotations)
    ledger = Ledger()
    converted = to_task([labelled], TaskPlan(Task.POSE), SOURCE, ledger)
    (found,) = clip_boxes(converted, ledger)
    assert found.annotations.keypoints is not None
    assert found.annotations.keypoints.tolist() == [[[5, 5, 2], [0, 0, 0], [0, 0, 0]]]
    assert [(entry.action, entry.message) for entry in ledger.entries] == [
        ("clipped", "keypoint 2 lies outside it")
    ]


@pytest.mark.parametrize("task", ["detect", Task.SEGMENT, "obb"])
def test_values_beyond_all_images_are_cut_or_dropped_without_a_warning(task: Task) -> None:
    huge = [[1.0, 2.0], [1e308, 2.0], [9.0, -1e308]]
    shape = Shape((np.array(huge), np.array(huge) / 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clipped, entries, _ = run(shape, task, one_outline=True)
    assert ((clipped.xyxy >= 0) & (clipped.xyxy <= [100, 50, 100, 50])).all()
    assert len(entries) == 1
