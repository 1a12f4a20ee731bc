"""Parts of one object: what is joined, what stays apart, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from yolokit.formats.toolkit.object_groups import Part, PartKind, join_parts
from yolokit.labels.shapes import Shape, box_corners, turned_box

RING = box_corners([2, 2, 8, 9])
POINTS = np.array([[3.0, 4, 2], [0, 0, 0], [7, 6, 1]])


def part(kind: PartKind, place: int, group: str = "7", label: str = "cat") -> Part:
    if kind == "pose":
        return Part(kind, label, place, group, keypoints=POINTS, names=("a", "b", "c"))
    if kind == "box":
        return Part(kind, label, place, group, (1.0, 1.0, 9.0, 9.0))
    shape = turned_box([1, 1, 9, 9], 30) if kind == "rotated" else Shape((RING,), remark="traced")
    return Part(kind, label, place, group, shape=shape)


def test_a_box_represents_its_outlines_and_keypoints() -> None:
    parts = [part("outline", 0), part("pose", 1), part("box", 2), part("outline", 3)]
    ((one, joined),) = join_parts(parts)
    assert (one.kind, one.place, one.xyxy) == ("box", 2, (1, 1, 9, 9))
    assert one.shape is not None
    assert (len(one.shape.rings), one.shape.box_stated, one.shape.remark) == (2, True, "traced")
    assert one.keypoints is POINTS
    assert one.names == ("a", "b", "c")
    assert [other.place for other in joined] == [0, 1, 3]


def test_without_a_box_the_first_part_represents_an_object() -> None:
    ((one, joined),) = join_parts([part("pose", 4), part("outline", 5)])
    assert (one.place, one.xyxy, [other.place for other in joined]) == (4, None, [5])
    assert one.shape is not None
    assert not one.shape.box_stated


def test_a_turned_box_keeps_its_shape_beside_keypoints() -> None:
    ((one, _),) = join_parts([part("pose", 0), part("rotated", 1)])
    assert one.place == 1
    assert one.shape is not None
    assert one.shape.kind == "rotated"
    assert one.keypoints is POINTS


@pytest.mark.parametrize(
    "kinds", [("box", "box"), ("box", "rotated"), ("pose", "pose", "box"), ("rotated", "outline")]
)
def test_what_cannot_be_one_object_stays_apart(kinds: tuple[PartKind, ...]) -> None:
    parts = [part(kind, place) for place, kind in enumerate(kinds)]
    assert join_parts(parts) == [(one, []) for one in parts]


def test_labels_groups_and_the_order_of_others_are_kept() -> None:
    parts = [
        part("outline", 0),
        part("outline", 1, group=""),
        part("outline", 2, label="dog"),
        part("box", 3),
        part("outline", 4, group=""),
    ]
    found = [(one.place, [other.place for other in joined]) for one, joined in join_parts(parts)]
    assert found == [(1, []), (2, []), (3, [0]), (4, [])]


def test_the_box_of_points_leaves_out_those_that_are_not_labelled() -> None:
    assert part("pose", 0).box_of_points == [3, 4, 7, 6]
    assert part("box", 0).box_of_points is None
    assert Part("pose", "cat", 0, keypoints=np.zeros((2, 3))).box_of_points is None
