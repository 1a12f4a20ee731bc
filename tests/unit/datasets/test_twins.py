"""Labels of one image that are the same, or nearly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.core.types import F32
from yolokit.datasets.label_table import ImageColumns, LabelTable
from yolokit.datasets.twins import MIN_IOU, find_twins

BOX = (0.1, 0.1, 0.3, 0.5)
NEAR = (0.102, 0.1, 0.302, 0.5)
FAR = (0.2, 0.1, 0.4, 0.5)


def table(
    *rows: tuple[int, int, tuple[float, ...]], keypoints: dict[int, F32] | None = None
) -> LabelTable:
    """Return a table of rows: image, class, box."""
    images = ["a", "b", "c"]
    columns = ImageColumns(images, images, [""] * 3, images, np.zeros((3, 2), np.int64))
    return LabelTable(
        ("cat", "dog"),
        columns,
        np.array([image for image, _, _ in rows], np.int64),
        np.array([label for _, label, _ in rows], np.int64),
        np.array([box for *_, box in rows], np.float64).reshape(-1, 4),
        np.arange(len(rows)),
        keypoints=keypoints or {},
    )


def test_a_label_repeats_an_earlier_one_of_its_image() -> None:
    twins = find_twins(table((0, 0, BOX), (0, 0, BOX), (0, 1, FAR), (0, 0, BOX), (1, 0, BOX)))
    assert twins.repeats.tolist() == [-1, 0, -1, 0, -1]
    assert not twins.same_class, "what repeats another has no twin else"


def test_other_keypoints_are_no_repetition_but_a_twin() -> None:
    points = {at: np.full((2, 3), at + 1, np.float32) for at in range(2)}
    twins = find_twins(table((0, 0, BOX), (0, 0, BOX), keypoints=points))
    assert twins.repeats.tolist() == [-1, -1]
    assert twins.same_class == {1: (0, 1.0)}


def test_nearly_equal_boxes_of_one_class_and_of_two() -> None:
    twins = find_twins(table((0, 0, NEAR), (0, 0, BOX), (0, 1, BOX), (1, 0, NEAR), (0, 0, FAR)))
    assert twins.same_class == {1: (0, twins.same_class[1][1])}
    assert twins.same_class[1][1] == pytest.approx(0.198 / 0.202)
    assert twins.other_class == {2: (1, 1.0)}
    assert find_twins(table()).same_class == {}


def test_boxes_without_an_area_have_no_twin() -> None:
    flat = (0.1, 0.1, 0.1, 0.5)
    twins = find_twins(table((0, 0, flat), (0, 1, flat)))
    assert not twins.same_class
    assert not twins.other_class


@given(st.integers(0, 10_000))
def test_it_finds_what_comparing_all_pairs_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 12))
    low = rng.choice([0.1, 0.11, 0.3], (count, 2)) + rng.uniform(0, 0.01, (count, 2))
    boxes = np.concatenate([low, low + rng.choice([0.2, 0.21], (count, 2))], axis=1)
    rows = [(0, int(rng.integers(2)), tuple(box)) for box in boxes.tolist()]
    twins = find_twins(table(*rows))
    for later in range(count):
        best: dict[bool, float] = {}
        for earlier in range(later):
            a, b = boxes[earlier], boxes[later]
            shared = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
            iou = shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared)
            same = rows[earlier][1] == rows[later][1]
            if iou >= MIN_IOU:
                best[same] = max(best.get(same, 0.0), iou)
        for same, found in ((True, twins.same_class), (False, twins.other_class)):
            assert (later in found) == (same in best)
            if same in best:
                assert found[later][1] == pytest.approx(best[same])
