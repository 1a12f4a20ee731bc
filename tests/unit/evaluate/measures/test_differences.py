"""Which boxes of two models are one, which are alone, and where the two differ most."""

from __future__ import annotations

import numpy as np

from yolokit.core.types import Detections
from yolokit.evaluate.measures.differences import (
    choose_most_different,
    describe_image,
    pair_image,
    sum_up,
)


def detect(*found: tuple[float, float, int]) -> Detections:
    """Boxes of 20 px at (x, score, class), best first."""
    rows = sorted(found, key=lambda one: -one[1])
    return Detections(
        np.array([[x, 0, x + 20, 20] for x, _, _ in rows], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in rows], np.float32),
        np.array([class_id for _, _, class_id in rows], np.int64),
    )


def test_a_box_is_alone_if_none_of_its_class_lies_near() -> None:
    a = detect((0, 0.9, 0), (50, 0.8, 1), (100, 0.1, 0))
    b = detect((1, 0.7, 0), (50, 0.8, 2), (200, 0.3, 0))
    found = pair_image("p", a, b)
    assert (len(found.iou), len(found.alone_a), len(found.alone_b)) == (1, 1, 2)
    assert found.score_diff[0] == np.float32(0.9) - np.float32(0.7)
    assert found.box_diff_px[0] == 1


def test_a_partner_may_have_dropped_below_the_threshold() -> None:
    found = pair_image("p", detect((0, 0.4, 0)), detect((0, 0.2, 0)))
    assert (len(found.iou), len(found.alone_a)) == (1, 0)
    found = pair_image("p", detect((0, 0.4, 0)), detect((0, 0.01, 0)))
    assert (len(found.iou), len(found.alone_a)) == (0, 1)
    found = pair_image("p", detect((0, 0.2, 0)), detect((0, 0.1, 0)))
    assert (len(found.iou), len(found.alone_a)) == (0, 0), "neither is shown"


def test_what_both_show_is_matched_before_what_is_faint() -> None:
    """The faint box lies nearer, and is still not the one that a person would name."""
    a = detect((0, 0.55, 0), (4, 0.08, 0))
    b = detect((4, 0.53, 0), (0, 0.13, 0))
    found = pair_image("p", a, b)
    assert len(found.iou) == 1
    assert found.score_diff[0] < 0.03


def test_images_are_ranked_by_what_a_person_sees() -> None:
    same = pair_image("same", detect((0, 0.9, 0)), detect((0, 0.9001, 0)))
    lost = pair_image("lost", detect((0, 0.9, 0)), detect())
    fell = pair_image("fell", detect((0, 0.9, 0)), detect((0, 0.6, 0)))
    chosen = choose_most_different([same, fell, lost], 5)
    assert [one.name for one in chosen] == ["lost", "fell"]
    assert describe_image(lost).only_first == 1
    assert describe_image(lost).min_iou is None
    total = sum_up([same, lost, fell])
    assert (total.images, total.pairs, total.only_first, total.only_second) == (3, 2, 1, 0)
    assert total.max_score_diff is not None
    assert abs(total.max_score_diff - 0.3) < 1e-6
    assert sum_up([lost]).median_iou is None
