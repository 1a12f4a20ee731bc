"""Every box has one fate, and the ledger knows it."""

from __future__ import annotations

import numpy as np
import pytest

from yolokit.annotations.ledger import Ledger
from yolokit.annotations.model import Annotations, ImageRecord, LabelledImage, SourceFile
from yolokit.annotations.settle import settle_boxes

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


def settle(*images: LabelledImage) -> tuple[list[LabelledImage], Ledger]:
    ledger = Ledger()
    ledger.see(sum(len(image.annotations) for image in images))
    return list(settle_boxes(images, ledger)), ledger


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
    images, ledger = settle(labelled((0, 0, 100, 50), box, (1, 1, 2, 2)))
    assert images[0].annotations.category_indices.tolist() == [0, 2]
    assert images[0].annotations.xyxy.tolist() == [[0, 0, 100, 50], [1, 1, 2, 2]]
    assert [(entry.action, entry.code, entry.line) for entry in ledger.entries] == [
        ("dropped", code, 2)
    ]
    assert (ledger.totals.kept, ledger.totals.dropped) == (2, 1)


def test_a_box_that_sticks_out_is_clipped() -> None:
    images, ledger = settle(labelled((-5, -5, 105, 60), (90, 40, 100.02, 50)))
    assert images[0].annotations.xyxy.tolist() == [[0, 0, 100, 50], [90, 40, 100, 50]]
    assert ledger.totals.clipped == 2
    assert "100x50 px" in ledger.entries[0].message
    assert "-5 -5 105 60" in ledger.entries[0].message


def test_a_hundredth_of_a_pixel_is_no_clipping() -> None:
    images, ledger = settle(labelled((-0.009, 0, 100.009, 50)))
    assert images[0].annotations.xyxy.tolist() == [[0, 0, 100, 50]]
    assert (ledger.totals.kept, ledger.totals.clipped) == (1, 0)


def test_what_was_reinterpreted_counts_once_even_if_clipped_or_dropped() -> None:
    changes = {0: "polygon-to-box", 1: "rescaled: half the size", 2: "polygon-to-box"}
    images, ledger = settle(
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
    images, ledger = settle(labelled(), labelled((1, 1, 2, 2)), labelled())
    assert [len(image.annotations) for image in images] == [0, 1, 0]
    assert ledger.totals.kept == 1


def test_an_image_that_loses_all_boxes_stays_as_background() -> None:
    images, _ = settle(labelled((5, 5, 5, 5)))
    assert len(images) == 1
    assert len(images[0].annotations) == 0


def test_blocks_are_settled_as_single_images_are() -> None:
    rng = np.random.default_rng(3)
    many = [
        labelled(*(tuple(box) for box in rng.normal(50, 40, (rng.integers(0, 5), 4))))
        for _ in range(2500)
    ]
    together, ledger = settle(*many)
    alone = [settle(one) for one in many]
    for one, (expected, _) in zip(together, alone, strict=True):
        np.testing.assert_array_equal(one.annotations.xyxy, expected[0].annotations.xyxy)
    kept = [account.totals.kept for _, account in alone]
    assert ledger.totals.kept == sum(kept) > 100
    assert ledger.totals.dropped == sum(account.totals.dropped for _, account in alone) > 100
    assert ledger.totals.clipped == sum(account.totals.clipped for _, account in alone) > 100
