"""Figures are those that one counts by hand, and sides are those of training."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.datasets.tables import make_table
from yolokit.datasets.statistics import (
    Histogram,
    compute_statistics,
    count_together,
    training_sides_px,
)

CAT, DOG = (0, 0.0, 0.0, 0.1, 0.2), (1, 0.5, 0.5, 0.6, 0.6)
IMAGES = [("train", [CAT, CAT, DOG]), ("train", []), ("train", [CAT]), ("val", [DOG])]


def test_each_split_is_counted() -> None:
    found = compute_statistics(make_table(IMAGES), 640)
    assert list(found.splits) == ["train", "val"]
    train = found.splits["train"]
    assert (train.images, train.background, train.boxes, train.most_objects) == (3, 1, 4, 3)
    assert (train.boxes_by_class, train.images_by_class) == ((3, 1), (2, 1))
    assert found.splits["val"].boxes_by_class == (0, 1)
    assert found.image_sizes == ((640, 480, 4),)


def test_classes_of_one_image_are_counted_once_together() -> None:
    table = make_table(IMAGES)
    assert count_together(table).tolist() == [[2, 1], [1, 2]]
    assert count_together(table, least_objects=2).tolist() == [[1, 1], [1, 1]]
    assert compute_statistics(table, 640).together == ((2, 1), (1, 2))


def test_blocks_of_images_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(IMAGES)
    whole = count_together(table).tolist()
    monkeypatch.setattr("yolokit.datasets.statistics._BLOCK", 2)
    assert count_together(table).tolist() == whole


def test_a_matrix_of_very_many_classes_is_left_out() -> None:
    names = tuple(f"class {number}" for number in range(501))
    assert compute_statistics(make_table(IMAGES, names=names), 640).together == ()


@pytest.mark.parametrize(
    ("wh_px", "imgsz", "side"), [((1280, 960), 640, 64), ((320, 640), 320, 16)]
)
def test_sides_are_those_of_an_image_whose_longer_side_is_the_resolution(
    wh_px: tuple[int, int], imgsz: int, side: float
) -> None:
    table = make_table([("", [(0, 0.9, 0.5, 1.5, 1.0)])], wh_px=wh_px)
    width, height = training_sides_px(table, imgsz)[0].tolist()
    assert width == pytest.approx(side), "what lies outside the image is cut off"
    assert height == pytest.approx(0.5 * wh_px[1] * imgsz / max(wh_px))


def test_boxes_of_images_whose_size_is_not_known_are_not_measured() -> None:
    found = compute_statistics(make_table(IMAGES, wh_px=(0, 0)), 640)
    assert sum(found.sides.counts) == 0
    assert found.image_sizes == ()
    assert found.splits["train"].boxes == 4


@pytest.mark.filterwarnings("error")
def test_boxes_that_cannot_be_are_not_measured() -> None:
    rows = [(0, 0.5, 0.5, 0.4, 0.9), (0, 0.1, np.nan, 0.2, 0.3), (0, 0.1, 0.1, np.inf, -1e308)]
    table = make_table([("train", rows)])
    assert not (training_sides_px(table, 640).prod(axis=1) < 0).any()
    assert sum(compute_statistics(table, 640).sides.counts) == 0


def test_a_set_of_nothing_has_figures_too() -> None:
    found = compute_statistics(make_table([], names=()), 640)
    assert found.splits == {}
    assert sum(found.objects.counts) == 0


def test_a_histogram_keeps_what_is_beyond_its_last_edge() -> None:
    found = Histogram.count(np.array([0.0, 9.9, 10.0, 5000.0]), (0, 10, 100))
    assert found == Histogram((0, 10, 100, 5000.0), (2, 1, 1))
