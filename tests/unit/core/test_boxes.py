"""Box geometry: encodings are inverse to each other, IoU is a similarity in [0, 1]."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yolokit.core.boxes import (
    box_areas,
    cxcywh_to_xyxy,
    pairwise_iou,
    xyxy_to_cxcywh,
    xyxy_to_xywh,
)

F64 = npt.NDArray[np.float64]

coordinates = hnp.arrays(
    np.float64, st.tuples(st.integers(0, 12), st.just(4)), elements=st.floats(-1e4, 1e4)
)


@st.composite
def boxes(draw: st.DrawFn) -> F64:
    corners = draw(coordinates)
    return np.concatenate(
        [
            np.minimum(corners[:, :2], corners[:, 2:]),
            np.maximum(corners[:, :2], corners[:, 2:]),
        ],
        axis=1,
    )


def test_encodings_by_hand() -> None:
    xyxy = np.array([[10.0, 20.0, 40.0, 80.0]])
    assert xyxy_to_cxcywh(xyxy).tolist() == [[25.0, 50.0, 30.0, 60.0]]
    assert xyxy_to_xywh(xyxy).tolist() == [[10.0, 20.0, 30.0, 60.0]]


@given(boxes())
def test_centre_and_size_lead_back(xyxy: F64) -> None:
    np.testing.assert_allclose(cxcywh_to_xyxy(xyxy_to_cxcywh(xyxy)), xyxy, atol=1e-9)


@pytest.mark.parametrize(
    "convert",
    [cxcywh_to_xyxy, xyxy_to_cxcywh, xyxy_to_xywh],
    ids=lambda f: f.__name__,
)
def test_precision_is_kept_and_the_input_left_alone(convert: object) -> None:
    assert callable(convert)
    given_boxes = np.array([[1, 2, 3, 4]], np.float32)
    before = given_boxes.copy()
    assert convert(given_boxes).dtype == np.float32
    np.testing.assert_array_equal(given_boxes, before)


def test_an_inverted_box_has_no_area() -> None:
    assert box_areas(np.array([[5.0, 0.0, 1.0, 9.0], [0.0, 0.0, 2.0, 3.0]])).tolist() == [0.0, 6.0]


@given(boxes(), boxes())
def test_iou_is_symmetric_and_bounded(a: F64, b: F64) -> None:
    iou = pairwise_iou(a, b)
    assert iou.shape == (len(a), len(b))
    assert np.all((iou >= 0) & (iou <= 1 + 1e-9))
    np.testing.assert_allclose(iou, pairwise_iou(b, a).T)


@given(boxes())
def test_a_box_equals_itself(xyxy: F64) -> None:
    has_area = box_areas(xyxy) > 1e-3
    np.testing.assert_allclose(np.diag(pairwise_iou(xyxy, xyxy))[has_area], 1.0, rtol=1e-6)


def test_boxes_without_area_have_no_overlap() -> None:
    point = np.array([[3.0, 3.0, 3.0, 3.0]])
    assert pairwise_iou(point, point).tolist() == [[0.0]]


def test_iou_by_hand() -> None:
    a = np.array([[0.0, 0.0, 10.0, 10.0]])
    b = np.array([[5.0, 0.0, 15.0, 10.0], [10.0, 0.0, 20.0, 10.0], [2.0, 2.0, 4.0, 4.0]])
    np.testing.assert_allclose(pairwise_iou(a, b), [[1 / 3, 0.0, 0.04]])
