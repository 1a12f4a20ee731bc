from __future__ import annotations

import numpy as np
import pytest

from yolokit.evaluate.confidence import ScoredClass, find_best_conf, operate_at


def scored(rows: list[tuple[float, bool]], true_count: int) -> ScoredClass:
    return ScoredClass(
        np.array([score for score, _ in rows]), np.array([t for _, t in rows]), true_count
    )


def test_best_conf_keeps_what_raises_the_f1() -> None:
    # F1 by number of boxes kept: 2/4, 4/5, 4/6, 6/7, 6/8.
    one = scored([(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.5, False)], 3)
    assert find_best_conf([one]) == 0.6
    point = operate_at(one, 0.6)
    assert (point.precision, point.recall) == (0.75, 1.0)
    assert point.f1 == pytest.approx(6 / 7)


def test_equal_scores_are_kept_or_dropped_together() -> None:
    one = scored([(0.5, True), (0.5, False), (0.5, False), (0.9, True)], 2)
    assert operate_at(one, 0.5).precision == 0.5
    assert find_best_conf([one]) == 0.9


def test_one_threshold_serves_all_classes_best_on_average() -> None:
    sure = scored([(0.9, True), (0.4, False), (0.4, False), (0.4, False)], 1)
    unsure = scored([(0.45, True), (0.1, False)], 1)
    assert find_best_conf([sure, unsure]) == 0.45
    assert find_best_conf([sure]) == 0.9


def test_order_of_the_detections_does_not_matter() -> None:
    rows = [(0.2, True), (0.9, False), (0.5, True)]
    assert find_best_conf([scored(rows, 2)]) == find_best_conf([scored(rows[::-1], 2)])


def test_a_class_that_is_never_found_has_precision_zero() -> None:
    point = operate_at(scored([], 3), 0.5)
    assert (point.precision, point.recall, point.f1) == (0, 0, 0)
    assert find_best_conf([scored([], 3)]) == 1


def test_a_class_without_truth_is_refused() -> None:
    with pytest.raises(ValueError, match="recall"):
        scored([(0.5, False)], 0)
