"""What is a tie of suppression, and what is a difference."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest

from yolokit.core.types import Detections
from yolokit.export.ties import find_ties

Row: TypeAlias = tuple[tuple[float, float, float, float], float, int]

BOX = (0.0, 0.0, 100.0, 100.0)
OTHER = (0.0, 10.0, 100.0, 110.0)  # overlaps BOX by 0.82
NEXT = (0.0, 28.0, 100.0, 128.0)  # overlaps OTHER by 0.69, and BOX by 0.56
EDGE = (0.0, 17.647, 100.0, 117.647)  # overlaps BOX by 0.7000


def found(*rows: Row) -> Detections:
    ordered = sorted(rows, key=lambda row: -row[1])
    return Detections(
        xyxy=np.array([row[0] for row in ordered], np.float32).reshape(-1, 4),
        scores=np.array([row[1] for row in ordered], np.float32),
        class_ids=np.array([row[2] for row in ordered], np.int64),
    )


def ties(
    a: Detections, b: Detections, alone_a: list[int], alone_b: list[int], iou_limit: float = 0.7
) -> tuple[list[bool], list[bool]]:
    alone = np.array(alone_a, np.int64), np.array(alone_b, np.int64)
    tied_a, tied_b = find_ties(a, b, *alone, iou_limit=iou_limit, score_slack=1e-6)
    return tied_a.tolist(), tied_b.tolist()


def test_either_of_two_boxes_that_score_alike_may_stay() -> None:
    a, b = found((BOX, 0.5, 0)), found((OTHER, 0.5 + 5e-7, 0))
    assert ties(a, b, [0], [0]) == ([True], [True])


@pytest.mark.parametrize(
    "other",
    [
        (OTHER, 0.6, 0),  # the better one is clear
        (OTHER, 0.5, 1),  # of another class: neither suppresses the other
        (NEXT, 0.5, 0),  # they hardly overlap
    ],
)
def test_where_nothing_is_tied_it_is_a_difference(other: Row) -> None:
    assert ties(found((BOX, 0.5, 0)), found(other), [0], [0]) == ([False], [False])


def test_a_box_with_nothing_beside_it_is_a_difference() -> None:
    assert ties(found((BOX, 0.5, 0)), found(), [0], []) == ([False], [])


def test_an_overlap_at_the_limit_is_a_tie_whatever_the_scores() -> None:
    """Both have the better box; one suppressed the second by it, the other did not."""
    a, b = found((BOX, 0.9, 0), (EDGE, 0.2, 0)), found((BOX, 0.9, 0))
    assert ties(a, b, [1], []) == ([True], [])
    assert ties(a, b, [1], [], iou_limit=0.6) == ([False], [])


def test_what_a_tied_box_suppresses_hangs_on_the_tie() -> None:
    a = found((BOX, 0.5, 0), (NEXT, 0.3, 0))
    assert ties(a, found((OTHER, 0.5, 0)), [0, 1], [0], 0.65) == ([True, True], [True])
    # With a clear winner there is no tie to hang on.
    assert ties(a, found((OTHER, 0.6, 0)), [0, 1], [0], 0.65) == ([False, False], [False])
