"""Drawing: pixels where they are expected, nothing outside of the image, labels apart."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from yolokit.images import draw
from yolokit.images.draw import (
    DARK,
    class_color,
    cut_text,
    draw_box,
    draw_keypoints,
    draw_label,
    draw_polygon,
    find_label_place,
    label_wh,
    strokes_for,
    tint_polygon,
)

if TYPE_CHECKING:
    from yolokit.core.types import F64, U8, Bool

RED = (0, 0, 255)
SQUARE = np.array([[20, 20], [80, 20], [80, 70], [20, 70]], np.float64)
NOTHING = np.zeros((0, 4))


def background(level: int = 90, width: int = 160, height: int = 120) -> U8:
    return np.full((height, width, 3), level, np.uint8)


def is_red(image: U8) -> Bool:
    red: Bool = (image == RED).all(axis=2)
    return red


def test_colours_of_neighbours_differ() -> None:
    colors = [class_color(index) for index in range(36)]
    assert len(set(colors)) == 36
    for first, second in itertools.pairwise(colors):
        assert np.abs(np.subtract(first, second)).max() > 60


def test_a_box_lies_where_it_is_stated_between_dark_rims() -> None:
    image = background()
    draw_box(image, np.array([20.0, 20, 80, 70]), RED, 2)
    row = image[45, 15:25]
    assert [tuple(pixel) == RED for pixel in row] == [*[False] * 4, True, True, *[False] * 4]
    assert tuple(row[3]) == tuple(row[6]) == DARK
    assert (image[23:67, 23:77] == 90).all()
    assert (image[73:] == 90).all()


@pytest.mark.parametrize("line_px", [1, 2, 3, 4, 6, 9])
def test_an_outline_is_about_as_wide_as_a_box(line_px: int) -> None:
    box, outline = background(), background()
    draw_box(box, np.array([20.0, 20, 80, 70]), RED, line_px)
    draw_polygon(outline, SQUARE, RED, line_px)
    red, shown = is_red(box).sum(), (outline[..., 2].astype(int) - outline[..., 1] > 60).sum()
    assert abs(int(shown) - int(red)) <= 2 * 220


def test_the_inside_of_an_outline_is_tinted_and_nothing_else() -> None:
    image = background()
    tint_polygon(image, SQUARE, RED, 0.5)
    changed = (image != 90).any(axis=2)
    assert changed[21:69, 21:79].all()
    changed[19:72, 19:82] = False
    assert not changed.any()
    assert tuple(image[45, 50]) == (45, 45, 172)


@pytest.mark.parametrize("shift", [(-50, -40), (120, 90), (-400, 0), (0, 400), (3e9, 0), (-3e9, 5)])
def test_what_lies_outside_is_cut_off(shift: tuple[float, float]) -> None:
    image = background()
    ring = SQUARE + shift
    points = np.concatenate([ring, np.full((4, 1), 2.0)], axis=1)
    draw_box(image, np.concatenate([ring[0], ring[2]]), RED, 2)
    draw_polygon(image, ring, RED, 2)
    tint_polygon(image, ring, RED, 0.4)
    draw_keypoints(image, points, RED, 3)
    assert image.shape == (120, 160, 3)
    touches = bool(((ring.max(axis=0) > 0) & (ring.min(axis=0) < (160, 120))).all())
    assert bool((image != 90).any()) == touches


def test_keypoints_show_whether_they_are_visible() -> None:
    image = background()
    draw_keypoints(image, np.array([[30.5, 40.5, 2], [70.5, 40.5, 1], [110.5, 40.5, 0]]), RED, 4)
    assert tuple(image[40, 30]) == RED
    assert tuple(image[40, 70]) == DARK
    assert is_red(image[30:50, 60:80]).any()
    assert (image[30:50, 100:120] == 90).all()


def test_a_label_lies_above_its_box_and_in_the_image() -> None:
    image = background()
    draw_label(image, "nut", (40, 60), RED, 12)
    width, height = label_wh("nut", 12)
    shown = is_red(image)
    assert np.argwhere(shown.any(axis=0)).ravel().tolist() == list(range(40, 40 + width))
    assert np.argwhere(shown.any(axis=1)).ravel().tolist() == list(range(60 - height, 60))


def place(xyxy: tuple[float, ...], taken: F64 = NOTHING, boxes: F64 = NOTHING) -> list[float]:
    found = find_label_place((160, 120), np.array(xyxy), (40, 16), taken, boxes)
    assert found is not None
    left, top, right, bottom = found.tolist()
    assert (right - left, bottom - top) == (40, 16)
    assert left >= 0
    assert top >= 0
    assert right <= 160
    assert bottom <= 120
    return [left, top]


def test_a_label_is_put_where_there_is_room() -> None:
    assert place((50, 50, 120, 90)) == [50, 34]
    assert place((50, 5, 120, 90)) == [50, 90]
    assert place((0, 0, 160, 120)) == [0, 0]
    assert place((140, 50, 155, 90)) == [120, 34]


def test_a_label_covers_no_other_and_few_boxes() -> None:
    above = np.array([[50.0, 34, 90, 50]])
    assert place((50, 50, 120, 90), taken=above) == [50, 90]
    assert place((50, 50, 120, 90), boxes=above) != [50, 34]


def test_no_label_where_all_places_are_taken() -> None:
    everywhere = np.array([[0.0, 0, 160, 120]])
    box, wanted = np.array([50.0, 50, 120, 90]), (40, 16)
    assert find_label_place((160, 120), box, wanted, everywhere, NOTHING) is None
    assert find_label_place((30, 120), box, wanted, NOTHING, NOTHING) is None


def test_lines_and_letters_grow_with_the_image() -> None:
    sizes = [strokes_for(background(0, side, side)) for side in (100, 640, 2000, 4000)]
    assert sizes == sorted(sizes)
    assert sizes[0].text_px == 10
    assert len({one.line_px for one in sizes}) > 2


def test_labels_without_the_truetype_font_of_opencv_5(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "_font", lambda: None)
    draw._text_width_px.cache_clear()
    image = background()
    draw_label(image, "nut", (40, 60), RED, 12)
    draw._text_width_px.cache_clear()
    label = image[40:60, 40:70]
    assert is_red(label).any()
    assert not is_red(label).all()


def test_a_text_of_data_is_one_line_and_as_wide_as_it_may_be() -> None:
    assert cut_text("nut", 100, 12) == "nut"
    assert cut_text("a\nb\x1b[31m", 200, 12) == "a b [31m"
    cut = cut_text("a" * 30 + "b" * 300, 100, 12)
    assert cut.startswith("aaa")
    assert cut.endswith("bbb")
    assert "…" in cut
    assert label_wh(cut, 12)[0] <= 100 + 6
    assert cut_text("W" * 10, 1, 12) == "W…"
