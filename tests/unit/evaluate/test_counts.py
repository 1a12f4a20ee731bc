from __future__ import annotations

import numpy as np
import pytest

from tests.samples.pairs import found, judge, truth
from yolokit.evaluate.counts import ScoreBin, calibrate, count_errors, count_sizes
from yolokit.evaluate.judge import Kind

NUT, BOLT = 0, 1


def square(at: int, side: int) -> tuple[float, float, float, float]:
    return (at, 0, at + side, side)


SMALL, MEDIUM, LARGE = square(0, 31), square(100, 32), square(200, 96)
IMAGE = judge(
    truth((NUT, SMALL), (NUT, MEDIUM), (NUT, LARGE)),
    found(
        (NUT, 0.9, LARGE),
        (NUT, 0.8, LARGE),  # duplicate
        (BOLT, 0.7, MEDIUM),  # wrong class
        (NUT, 0.6, (0, 0, 31, 10)),  # loose
        (BOLT, 0.5, square(400, 10)),  # false
        (NUT, 0.4, MEDIUM),
    ),
)  # fmt: skip


def test_errors_by_kind_and_size() -> None:
    costs: dict[Kind, float] = {"missed": 0.5, "wrong_class": 0.1}
    counted = count_errors([IMAGE], 0.5, costs, {"false": 0.2})
    table = {one.kind: (one.count, one.small, one.medium, one.large) for one in counted}
    assert table == {
        "missed": (0, 0, 0, 0),
        "wrong_class": (1, 0, 1, 0),
        "loose": (1, 1, 0, 0),
        "duplicate": (1, 0, 0, 1),
        "false": (1, 1, 0, 0),
    }
    assert [one.kind for one in counted][:2] == ["missed", "wrong_class"]  # what costs most
    assert [one.f1_gain for one in counted] == [0.5, 0.1, None, None, None]
    assert {one.kind: one.ap50_gain for one in counted}["false"] == 0.2


def test_at_a_higher_confidence_more_is_missed_and_less_is_wrong() -> None:
    counted = {one.kind: one.count for one in count_errors([IMAGE], 0.85, {}, {})}
    assert counted == {"missed": 2, "wrong_class": 0, "loose": 0, "duplicate": 0, "false": 0}


def test_true_boxes_by_size_and_how_many_are_found() -> None:
    sizes = {one.size: (one.boxes, one.right) for one in count_sizes([IMAGE], 0.5)}
    assert sizes == {"small": (1, 0), "medium": (1, 0), "large": (1, 1)}
    assert [one.right for one in count_sizes([IMAGE], 0.3)] == [0, 1, 1]
    assert [one.boxes for one in count_sizes([], 0.3)] == [0, 0, 0]


def test_scores_of_a_tenth_and_how_often_they_are_right() -> None:
    bins = calibrate(np.array([0.05, 0.92, 0.98, 1.0]), np.array([False, True, True, False]))
    assert bins[0] == ScoreBin(detections=1, mean_score=0.05, precision=0)
    assert bins[1] == ScoreBin(detections=0)
    assert bins[9].detections == 3
    assert bins[9].precision == pytest.approx(2 / 3)
    assert bins[9].mean_score == pytest.approx((0.92 + 0.98 + 1) / 3)
