"""Every box has one fate, and the ledger knows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yolokit.convert.steps.clip_boxes import TOLERANCE_PX, clip_boxes
from yolokit.core.types import F64
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile
from yolokit.labels.shapes import (
    Shape,
    clip_ring,
    ring_area,
    rotated_corners,
    smallest_rotated_box,
)

SOURCE = SourceFile("a.txt")


def labelled(
    *boxes: tuple[float, ...], reinterpreted: dict[int, str] | None = None
) -> LabelledImage:
    count = len(boxes)
    return LabelledImage(
        ImageRecord("a.jpg", 100, 50, None, None, SOURCE),
        Annotations(
            np.arange(count),
            np.array(boxes, np.float64).reshape(-1, 4),
            np.arange(1, count + 1),
            reinterpreted or {},
        ),
    )


def clip(*images: LabelledImage) -> tuple[list[LabelledImage], Ledger]:
    ledger = Ledger()
    ledger.see(sum(len(image.annotations) for image in images))
    return list(clip_boxes(images, ledger)), ledger


@pytest.mark.parametrize(
    ("box", "code"),
    [
        ((10, 10, 10, 20), "empty-box"),
        ((10, 10, 20, 10.005), "empty-box"),
        ((20, 10, 10, 20), "inverted-box"),
        ((-30, 10, -10, 20), "outside-image"),
        ((-30, 10, 0, 20), "outside-image"),
        ((100, 10, 130, 20), "outside-image"),
        ((10, 60, 20, 90), "outside-image"),
        ((float("nan"), 10, 20, 20), "not-finite"),
        ((10, 10, float("inf"), 20), "not-finite"),
        ((float("-inf"), 10, 20, 20), "not-finite"),
        ((1e308, -1e308, 1e308, 1e308), "empty-box"),
    ],
)
def test_a_box_that_cannot_stay_is_dropped_and_its_neighbours_stay(
    box: tuple[float, ...], code: str
) -> None:
    images, ledger = clip(labelled((0, 0, 100, 50), box, (1, 1, 2, 2)))
    assert images[0].annotations.category_indices.tolist() == [0, 2]
    assert images[0].annotations.xyxy.tolist() == [[0, 0, 100, 50], [1, 1, 2, 2]]
    assert [(entry.action, entry.code, entry.line) for entry in ledger.entries] == [
        ("dropped", code, 2)
    ]
    assert (ledger.totals.kept, ledger.totals.dropped) == (2, 1)


def test_a_box_that_sticks_out_is_clipped() -> None:
    images, ledger = clip(labelled((-5, -5, 105, 60), (90, 40, 100.02, 50)))
    assert images[0].annotations.xyxy.tolist() == [[0, 0, 100, 50], [90, 40, 100, 50]]
    assert ledger.totals.clipped == 2
    assert "100x50 px" in ledger.entries[0].message
    assert "-5 -5 105 60" in ledger.entries[0].message


def test_a_hundredth_of_a_pixel_is_no_clipping() -> None:
    images, ledger = clip(labelled((-0.009, 0, 100.009, 50)))
    assert images[0].annotations.xyxy.tolist() == [[0, 0, 100, 50]]
    assert (ledger.totals.kept, ledger.totals.clipped) == (1, 0)


def test_what_was_reinterpreted_counts_once_even_if_clipped_or_dropped() -> None:
    changes = {0: "polygon-to-box", 1: "rescaled: half the size", 2: "polygon-to-box"}
    images, ledger = clip(
        labelled((1, 1, 9, 9), (-5, 1, 9, 9), (200, 1, 210, 9), (1, 1, 2, 2), reinterpreted=changes)
    )
    assert len(images[0].annotations) == 3
    assert [(entry.action, entry.code) for entry in ledger.entries] == [
        ("reinterpreted", "polygon-to-box"),
        ("reinterpreted", "rescaled"),
        ("dropped", "outside-image"),
    ]
    assert "half the size; clipped too: the label sticks out of" in ledger.entries[1].message
    totals = ledger.totals
    assert (totals.kept, totals.reinterpreted, totals.dropped) == (1, 2, 1)


def test_background_images_go_through() -> None:
    images, ledger = clip(labelled(), labelled((1, 1, 2, 2)), labelled())
    assert [len(image.annotations) for image in images] == [0, 1, 0]
    assert ledger.totals.kept == 1


def test_an_image_that_loses_all_boxes_stays_as_background() -> None:
    images, _ = clip(labelled((5, 5, 5, 5)))
    assert len(images) == 1
    assert len(images[0].annotations) == 0


def test_blocks_are_clipped_as_single_images_are() -> None:
    rng = np.random.default_rng(3)
    many = [
        labelled(*(tuple(box) for box in rng.normal(50, 40, (rng.integers(0, 5), 4))))
        for _ in range(2500)
    ]
    together, ledger = clip(*many)
    alone = [clip(one) for one in many]
    for one, (expected, _) in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.annotations.xyxy, expected[0].annotations.xyxy)
    kept = [account.totals.kept for _, account in alone]
    assert ledger.totals.kept == sum(kept) > 100
    assert ledger.totals.dropped == sum(account.totals.dropped for _, account in alone) > 100
    assert ledger.totals.clipped == sum(account.totals.clipped for _, account in alone) > 100


def turned(corners: F64) -> LabelledImage:
    shape = Shape((corners,), "rotated")
    box = np.array([shape.xyxy], np.float64)
    annotations = Annotations(np.array([0]), box, np.array([1]), shapes={0: shape})
    return LabelledImage(ImageRecord("a.jpg", 100, 50, None, None, SOURCE), annotations)


def test_a_rotated_box_that_is_cut_keeps_its_angle_and_its_corners_order() -> None:
    images, ledger = clip(turned(rotated_corners((100, 25), (60, 10), 30)))
    (ring,) = images[0].annotations.shapes[0].rings
    along, across = ring[1] - ring[0], ring[3] - ring[0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(30)
    assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(120)
    assert float(np.hypot(*across)) == pytest.approx(10)
    assert ledger.totals.clipped == 1


def test_a_rotated_box_of_which_only_a_corner_lies_outside_is_kept() -> None:
    corners = rotated_corners((99, 25), (4, 4), 45)  # all of its sides are seen
    images, ledger = clip(turned(rotated_corners((5, 25), (12, 12), 45)), turned(corners))
    assert ledger.totals.kept == 2
    np.testing.assert_array_equal(images[1].annotations.shapes[0].rings[0], corners)
    assert images[1].annotations.xyxy[0, 2] == 100


def test_a_rotated_box_whose_centre_lies_on_the_edge_stays_as_it_was_written() -> None:
    written = rotated_corners((100, 25), (20, 20), 45) + 1e-4  # rounded
    images, ledger = clip(turned(written))
    np.testing.assert_array_equal(images[0].annotations.shapes[0].rings[0], written)
    assert ledger.totals.kept == 1


@settings(max_examples=300, deadline=None)
@given(
    st.tuples(st.floats(-20, 120), st.floats(-20, 70)),
    st.tuples(st.floats(1, 300), st.floats(1, 300)),
    st.floats(0, 360),
)
def test_a_cut_rotated_box_is_a_rectangle_around_what_is_seen_that_upstream_takes(
    center: tuple[float, float], size: tuple[float, float], degrees: float
) -> None:
    corners = rotated_corners(center, size, degrees)
    images, _ = clip(turned(corners))
    seen = clip_ring(corners, [0, 0, 100, 50])
    if not len(images[0].annotations):
        assert len(seen) < 3 or abs(ring_area(seen)) < 0.1
        return
    (ring,) = images[0].annotations.shapes[0].rings
    area = abs(ring_area(ring))
    assert area == pytest.approx(abs(ring_area(smallest_rotated_box(ring))), abs=1e-6)
    both = smallest_rotated_box(np.concatenate([ring, seen]))
    assert abs(ring_area(both)) <= area + 0.1
    low, high = ring.min(axis=0) / (100, 50), ring.max(axis=0) / (100, 50)
    assert (high - low <= 1.01).all()
    assert ((low + high) / 2 >= -0.01).all()
    assert ((low + high) / 2 <= 1.01).all()
    again, twice = clip(turned(ring))
    assert np.abs(again[0].annotations.shapes[0].rings[0] - ring).max() <= TOLERANCE_PX
    assert twice.totals.kept == 1
