"""The central types: wrong arrays are refused at the door, the letterbox leads back exactly."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.core.types import Detections, Frame, Letterbox

sides = st.integers(1, 4000)
input_sides = st.sampled_from([32, 320, 416, 640, 1280])


def fields(**changed: Any) -> dict[str, Any]:
    good = {
        "xyxy": np.zeros((2, 4), np.float32),
        "scores": np.array([0.9, 0.1], np.float32),
        "class_ids": np.zeros(2, np.int64),
    }
    return good | changed


@pytest.mark.parametrize(
    "changed",
    [
        {"xyxy": np.zeros((3, 4), np.float32)},
        {"xyxy": np.zeros((2, 5), np.float32)},
        {"xyxy": np.zeros((2, 4), np.float64)},
        {"scores": np.array([0.9, 0.1], np.float64)},
        {"scores": np.array([0.1, 0.9], np.float32)},
        {"class_ids": np.zeros(2, np.int32)},
        {"masks": np.zeros((2, 5), np.bool_)},
        {"masks": np.zeros((2, 5, 7), np.uint8)},
        {"masks": np.zeros((3, 5, 7), np.bool_)},
        {"keypoints": np.zeros((2, 17, 2), np.float32)},
        {"keypoints": np.zeros((1, 17, 3), np.float32)},
        {"rotated": np.zeros((2, 4), np.float32)},
        {"rotated": np.zeros((2, 5), np.float64)},
        {"track_ids": np.zeros(3, np.int64)},
        {"track_ids": np.zeros(2, np.int32)},
    ],
)
def test_wrong_detections_are_refused(changed: dict[str, Any]) -> None:
    Detections(**fields())
    with pytest.raises(ValueError, match=r"must be"):
        Detections(**fields(**changed))


def all_parts(count: int = 4) -> Detections:
    """Detections whose every part tells which one it is."""
    number = np.arange(count)
    return Detections(
        xyxy=np.tile(number[:, None], 4).astype(np.float32),
        scores=np.linspace(0.9, 0.1, count).astype(np.float32),
        class_ids=number.astype(np.int64),
        masks=np.eye(count, dtype=np.bool_)[:, None, :].repeat(2, axis=1),
        keypoints=np.tile(number[:, None, None], (1, 17, 3)).astype(np.float32),
        rotated=np.tile(number[:, None], 5).astype(np.float32),
        track_ids=number + 100,
    )


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (np.array([0, 2]), [0, 2]),
        (np.array([False, True, False, True]), [1, 3]),
        (slice(2), [0, 1]),
        (np.array([], np.int64), []),
        (np.zeros(4, np.bool_), []),
    ],
)
def test_a_selection_carries_all_parts_along(chosen: Any, expected: list[int]) -> None:
    part = all_parts()[chosen]
    assert len(part) == len(expected)
    assert part.class_ids.tolist() == expected
    np.testing.assert_array_equal(part.scores, all_parts().scores[expected])
    assert part.masks is not None
    assert part.masks.shape == (len(expected), 2, 4)
    assert [int(mask[0].argmax()) for mask in part.masks] == expected
    for values in (part.xyxy, part.keypoints, part.rotated):
        assert values is not None
        assert [float(value.max()) for value in values] == expected
    assert part.track_ids is not None
    assert part.track_ids.tolist() == [number + 100 for number in expected]


def test_a_selection_has_no_parts_that_were_not_there() -> None:
    plain = Detections(**fields())[np.array([1])]
    assert (plain.masks, plain.keypoints, plain.rotated, plain.track_ids) == (None,) * 4


def test_every_part_of_detections_is_one_that_selections_know() -> None:
    """A part that is added later must not be lost by a selection."""
    whole = all_parts()
    assert all(getattr(whole, field.name) is not None for field in dataclasses.fields(whole))
    part = whole[slice(1)]
    assert all(len(getattr(part, field.name)) == 1 for field in dataclasses.fields(part))


def test_a_selection_keeps_the_order_by_score() -> None:
    with pytest.raises(ValueError, match="descending"):
        all_parts()[np.array([2, 0])]
    with pytest.raises(IndexError):
        all_parts()[np.array([True, False])]


def test_detections_are_counted_and_iterated() -> None:
    found = Detections(**fields())
    assert len(found) == 2
    assert [(round(score, 3), class_id) for _, score, class_id in found] == [(0.9, 0), (0.1, 0)]
    assert len(Detections.empty()) == 0


@pytest.mark.parametrize(
    "bgr", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3))]
)
def test_a_frame_is_a_colour_image(bgr: Any) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8 BGR"):
        Frame(bgr, 0, None, "x")


def test_a_frame_knows_its_width_and_height() -> None:
    assert Frame(np.zeros((2, 5, 3), np.uint8), 0, None, "x").image_wh == (5, 2)


@pytest.mark.parametrize(
    ("image_wh", "scale", "pad_xy", "resized_wh"),
    [
        ((640, 480), 1.0, (0, 80), (640, 480)),
        ((480, 640), 1.0, (80, 0), (480, 640)),
        ((1920, 1080), 1 / 3, (0, 140), (640, 360)),
        ((320, 240), 2.0, (0, 80), (640, 480)),
        ((641, 333), 640 / 641, (0, 154), (640, 332)),  # an odd border: the smaller half on top
        ((1, 3000), 640 / 3000, (319, 0), (1, 640)),  # never thinner than a pixel
    ],
)
def test_fit_by_hand(
    image_wh: tuple[int, int], scale: float, pad_xy: tuple[int, int], resized_wh: tuple[int, int]
) -> None:
    letterbox = Letterbox.fit(image_wh, (640, 640))
    assert letterbox.scale == pytest.approx(scale)
    assert (letterbox.pad_xy, letterbox.resized_wh) == (pad_xy, resized_wh)


@given(sides, sides, input_sides, input_sides)
def test_the_image_fits_and_touches_two_borders(
    width: int, height: int, input_w: int, input_h: int
) -> None:
    letterbox = Letterbox.fit((width, height), (input_w, input_h))
    spare = (input_w - letterbox.resized_wh[0], input_h - letterbox.resized_wh[1])
    assert min(spare) == 0
    for left, both in zip(letterbox.pad_xy, spare, strict=True):
        assert 0 <= left <= both - left <= left + 1


@given(sides, sides, input_sides)
def test_the_borders_lead_back_to_the_whole_image(width: int, height: int, side: int) -> None:
    letterbox = Letterbox.fit((width, height), (side, side))
    (left, top), (inner_w, inner_h) = letterbox.pad_xy, letterbox.resized_wh
    inner = np.array([[left, top, left + inner_w, top + inner_h]], np.float32)
    np.testing.assert_allclose(letterbox.to_image(inner), [[0, 0, width, height]], rtol=1e-5)


def test_boxes_are_clipped_to_the_image_unless_told_otherwise() -> None:
    letterbox = Letterbox.fit((640, 480), (640, 640))
    outside = np.array([[-5, 10, 700, 600]], np.float32)
    assert letterbox.to_image(outside).tolist() == [[0, 0, 640, 480]]
    assert letterbox.to_image(outside, clip=False).tolist() == [[-5, -70, 700, 520]]


@pytest.mark.parametrize(
    "changed", [{"scale": 0.0}, {"scale": float("nan")}, {"image_wh": (0, 5)}, {"input_wh": (5, 0)}]
)
def test_an_impossible_letterbox_is_refused(changed: dict[str, Any]) -> None:
    good: dict[str, Any] = {"scale": 1.0, "pad_xy": (0, 0), "image_wh": (5, 5), "input_wh": (5, 5)}
    Letterbox(**good)
    with pytest.raises(ValueError, match=r"scale must|at least 1x1"):
        Letterbox(**(good | changed))
