"""Drawing: on a copy, inside the image, readable on any background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from yolokit.core.types import Detections
from yolokit.images.draw import class_color
from yolokit.runtime.draw import draw_boxes

if TYPE_CHECKING:
    from yolokit.core.types import U8


def one(*xyxy: float, class_id: int = 0) -> Detections:
    return Detections(
        np.array([xyxy], np.float32), np.array([0.9], np.float32), np.array([class_id])
    )


def background(level: int, width: int = 320, height: int = 240) -> U8:
    return np.full((height, width, 3), level, np.uint8)


def test_the_image_itself_is_left_alone() -> None:
    image = background(90)
    drawn = draw_boxes(image, one(50, 60, 200, 180), ["nut"])
    assert (image == 90).all()
    assert (drawn != 90).any()


def test_nothing_found_changes_nothing() -> None:
    assert (draw_boxes(background(90), Detections.empty(), ["nut"]) == 90).all()


@pytest.mark.parametrize("class_id", range(12))
def test_a_box_stands_out_from_its_own_colour(class_id: int) -> None:
    image = background(0)
    image[:] = class_color(class_id)
    drawn = draw_boxes(image, one(50, 60, 200, 180, class_id=class_id), ["x"] * 12)
    column = drawn[120, 40:60].astype(int)
    assert np.abs(column - class_color(class_id)).max() > 60


def test_the_inside_of_a_box_is_not_covered() -> None:
    drawn = draw_boxes(background(90), one(50, 60, 200, 180), ["nut"])
    assert (drawn[70:170, 60:190] == 90).all()


@pytest.mark.parametrize(
    "xyxy",
    [
        (0, 0, 320, 240),
        (0, 0, 20, 20),
        (300, 0, 320, 20),
        (300, 220, 320, 240),
        (0, 100, 5, 105),
        (-50, -50, 400, 300),
    ],
)
def test_labels_are_whole_wherever_the_box_is(xyxy: tuple[float, ...]) -> None:
    label_pixels = []
    for box in (xyxy, (100, 120, 200, 200)):
        drawn = draw_boxes(background(90), one(*box), ["a long name"])
        label_pixels.append(int((drawn == class_color(0)).all(axis=2).sum()))
    line_px = 2 * (320 + 240)
    assert label_pixels[0] > label_pixels[1] - line_px


def test_an_image_smaller_than_its_label() -> None:
    drawn = draw_boxes(background(90, 12, 9), one(1, 1, 8, 8), ["a long name"])
    assert drawn.shape == (9, 12, 3)


def test_the_best_score_lies_on_top() -> None:
    pair = Detections(
        np.array([[50, 60, 200, 180]] * 2, np.float32),
        np.array([0.9, 0.3], np.float32),
        np.array([0, 1]),
    )
    drawn = draw_boxes(background(90), pair, ["nut", "bolt"])
    assert (drawn[120, 50] == class_color(0)).all()


def test_lines_grow_with_the_image() -> None:
    def line_px(width: int, height: int) -> int:
        box = one(0.3 * width, 0.3 * height, 0.7 * width, 0.7 * height)
        row = draw_boxes(background(90, width, height), box, ["nut"])[height // 2, : width // 2]
        return int((row != 90).any(axis=1).sum())

    assert line_px(160, 120) < line_px(640, 480) < line_px(1920, 1080)
