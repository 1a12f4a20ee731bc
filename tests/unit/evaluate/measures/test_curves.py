from __future__ import annotations

import numpy as np
import pytest

from yolokit.evaluate.measures.curves import Curve, draw_curves, interpolate_precision


def draw(
    *classes: tuple[list[float], list[bool], int],
) -> tuple[float, Curve, tuple[Curve, ...]]:
    names = [f"class {i}" for i in range(len(classes))]
    scores = [np.array(one[0], float) for one in classes]
    return draw_curves(
        names, scores, [np.array(c[1], bool) for c in classes], [c[2] for c in classes]
    )


def test_three_detections_of_two_boxes() -> None:
    conf, overall, (one,) = draw(([0.9, 0.8, 0.5], [True, False, True], 2))
    assert (conf, one.best_conf) == (0.5, 0.5)
    assert (one.found, one.right, one.recall) == (3, 2, 1)
    assert one.precision == pytest.approx(2 / 3)
    assert one.f1 == one.best_f1 == pytest.approx(0.8)
    assert one.precision_by_recall[:51] == (1,) * 51
    assert one.precision_by_recall[51:] == (0.6667,) * 50
    assert one.ap50 == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert [one.precision_by_conf[i] for i in (0, 50, 51, 81, 90, 91)] == [
        0.6667,
        0.6667,
        0.5,
        1,
        1,
        0,
    ]
    assert [one.recall_by_conf[i] for i in (0, 50, 51, 90, 91)] == [1, 1, 0.5, 0.5, 0]
    assert [one.f1_by_conf[i] for i in (50, 51, 91)] == [0.8, 0.5, 0]
    assert overall.precision_by_recall == one.precision_by_recall
    assert (overall.name, overall.boxes, overall.found, overall.right) == ("all", 2, 3, 2)


def test_the_means_are_over_the_classes_that_have_true_boxes() -> None:
    conf, overall, (first, second, third) = draw(
        ([0.9], [True], 1), ([0.9], [False], 0), ([], [], 1)
    )
    assert (first.ap50, second.ap50, third.ap50) == (1, None, 0)
    assert (overall.ap50, overall.recall, overall.best_conf) == (0.5, 0.5, conf)
    assert (second.found, second.right, second.precision_by_recall) == (1, 0, ())
    assert (third.precision, third.recall, set(third.recall_by_conf)) == (0, 0, {0})


def test_without_true_boxes_there_is_no_curve() -> None:
    conf, overall, _ = draw(([0.3], [False], 0))
    assert (conf, overall.precision, overall.ap50, overall.f1_by_conf) == (0.25, None, None, ())


def test_an_average_precision_counts_only_recalls_that_are_reached() -> None:
    assert interpolate_precision(np.array([True]), 4).tolist() == [1] * 26 + [0] * 75
    assert not interpolate_precision(np.array([], bool), 1).any()
