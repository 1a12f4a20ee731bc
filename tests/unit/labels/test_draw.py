"""Annotations of every task are drawn, at the size at which they are looked at."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from yolokit.images import draw as images_draw
from yolokit.images.draw import class_color, label_wh
from yolokit.labels.draw import draw_annotations
from yolokit.labels.model import Annotations
from yolokit.labels.shapes import Shape, turned_box

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.types import F64, U8

NAMES = ("nut", "Täter 车")
BOXES = ((40, 40, 100, 90), (200, 60, 280, 200))


def background(width: int = 320, height: int = 240) -> U8:
    return np.full((height, width, 3), 90, np.uint8)


def annotate(
    *xyxy: tuple[float, ...],
    shapes: Mapping[int, Shape] | None = None,
    keypoints: F64 | None = None,
) -> Annotations:
    count = len(xyxy)
    boxes = np.array(xyxy, np.float64).reshape(count, 4)
    return Annotations(np.arange(count) % 2, boxes, np.arange(count), {}, shapes or {}, keypoints)


def has_color(image: U8, class_id: int) -> bool:
    return bool((image == class_color(class_id)).all(axis=2).any())


def test_the_image_itself_is_left_alone() -> None:
    image = background()
    drawn = draw_annotations(image, annotate(*BOXES), NAMES)
    assert (image == 90).all()
    assert has_color(drawn, 0)
    assert has_color(drawn, 1)


def test_a_background_image_is_shown_as_it_is() -> None:
    assert (draw_annotations(background(), Annotations.empty(), NAMES) == 90).all()


def test_an_outline_is_drawn_in_place_of_its_box() -> None:
    triangle = Shape((np.array([[40.0, 90], [100, 90], [40, 40]]),))
    drawn = draw_annotations(background(), annotate(BOXES[0], shapes={0: triangle}), NAMES)
    assert (drawn[80, 50] != 90).any()  # tinted
    assert (drawn[50, 90] == 90).all()  # in the box, outside of the outline


def test_a_rotated_box_is_not_tinted() -> None:
    turned = turned_box((40, 40, 100, 90), 30)
    drawn = draw_annotations(background(), annotate(BOXES[0], shapes={0: turned}), NAMES)
    assert (drawn[65, 70] == 90).all()
    corner = turned.rings[0][0].astype(int)
    assert (drawn[corner[1] - 2 : corner[1] + 3, corner[0] - 2 : corner[0] + 3] != 90).any()


def test_keypoints_are_drawn_with_their_box() -> None:
    keypoints = np.array([[[70.0, 65, 2], [80, 70, 0]]])
    drawn = draw_annotations(background(), annotate(BOXES[0], keypoints=keypoints), NAMES)
    assert (drawn[64:66, 69:71] == class_color(0)).all()
    assert (drawn[70, 80] == 90).all()


def test_a_class_is_named_above_its_box() -> None:
    named = draw_annotations(background(), annotate(BOXES[0]), NAMES)
    assert (named[20:38, 40:60] != 90).any()


def test_what_matters_is_coloured_and_the_rest_grey() -> None:
    drawn = draw_annotations(background(), annotate(*BOXES), NAMES, emphasised={1})
    assert has_color(drawn, 1)
    assert not has_color(drawn, 0)
    assert (drawn[40, 70] != 90).any()


@pytest.mark.parametrize("wh", [(2, 3), (30, 20), (1200, 20), (3000, 2250)])
def test_an_image_of_any_size_is_looked_at_in_one_size(wh: tuple[int, int]) -> None:
    width, height = wh
    box = (0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height)
    drawn = draw_annotations(background(*wh), annotate(box), NAMES, fit_wh=(400, 300))
    assert drawn.shape[1] == 400 or drawn.shape[0] == 300
    assert drawn.shape[1] <= 400
    assert drawn.shape[0] <= 300
    quarter_x, middle_y = round(drawn.shape[1] / 4), drawn.shape[0] // 2
    assert has_color(drawn[middle_y : middle_y + 1, quarter_x - 2 : quarter_x + 3], 0)


def test_a_row_that_is_not_finite_is_not_drawn() -> None:
    drawn = draw_annotations(background(), annotate((np.nan, 0, 10, 10), BOXES[1]), NAMES)
    assert has_color(drawn, 1)
    assert not has_color(drawn, 0)


def test_a_small_box_is_not_covered_by_its_own_lines() -> None:
    drawn = draw_annotations(background(1280, 960), annotate((600, 500, 612, 512)), NAMES)
    assert (drawn[504:508, 604:608] == 90).all()


def test_labels_of_a_crowd_cover_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[int, int]] = []

    def note(_image: U8, _text: str, at: tuple[int, int], *_: object) -> None:
        shown.append(at)

    monkeypatch.setattr(images_draw, "draw_label_at", note)
    crowd = [(x, y, x + 60, y + 40) for x in range(0, 320, 25) for y in range(0, 240, 20)]
    draw_annotations(background(), annotate(*crowd), ["nut"] * 2)
    wide, tall = label_wh("nut", 10)
    assert 20 < len(shown) < len(crowd)
    for (left, top), (other_left, other_top) in itertools.combinations(shown, 2):
        assert abs(left - other_left) >= wide or abs(top - other_top) >= tall
