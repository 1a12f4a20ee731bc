from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yolokit.core.types import Detections
from yolokit.metrics.matching import find_ties, match_detections, match_to_truth

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def detections(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """Rows of x1, y1, x2, y2, score, class; best score first."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(
        table[:, :4].astype(np.float32),
        table[:, 4].astype(np.float32),
        table[:, 5].astype(np.int64),
    )


# Boxes on a coarse line, so that many pairs of them overlap in the same way.
_box = st.tuples(st.integers(0, 3), st.sampled_from([4, 5, 6]), st.sampled_from([0, 0, 0, 1]))


@st.composite
def sets_of_boxes(draw: st.DrawFn) -> Detections:
    rows = draw(st.lists(_box, max_size=4))
    scores = sorted(
        draw(st.lists(st.sampled_from([0.2, 0.3, 0.4]), min_size=len(rows), max_size=len(rows))),
        reverse=True,
    )
    return detections(
        *((x, 0, x + w, 4, score, c) for (x, w, c), score in zip(rows, scores, strict=True))
    )


def all_matchings(edges: Sequence[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    if not edges:
        yield ()
        return
    row = edges[0][0]
    others = [edge for edge in edges if edge[0] != row]
    yield from all_matchings(others)
    for _, column in (edge for edge in edges if edge[0] == row):
        for rest in all_matchings([edge for edge in others if edge[1] != column]):
            yield ((row, column), *rest)


def admissible(a: Detections, b: Detections, min_iou: float) -> list[tuple[int, int]]:
    def iou(p: Sequence[float], q: Sequence[float]) -> float:
        overlap = max(0, min(p[2], q[2]) - max(p[0], q[0])) * 4
        return overlap / ((p[2] - p[0]) * 4 + (q[2] - q[0]) * 4 - overlap)

    return [
        (i, j)
        for i, j in itertools.product(range(len(a)), range(len(b)))
        if a.class_ids[i] == b.class_ids[j]
        and iou(a.xyxy[i].tolist(), b.xyxy[j].tolist()) >= min_iou
        and abs(float(a.scores[i]) - float(b.scores[j])) <= 0.11
    ]


@settings(deadline=None)
@given(a=sets_of_boxes(), b=sets_of_boxes(), min_iou=st.sampled_from([0.3, 0.6]))
def test_no_other_matching_covers_more_or_better_scores(
    a: Detections, b: Detections, min_iou: float
) -> None:
    edges = admissible(a, b, min_iou)
    found = match_detections(a, b, min_iou=min_iou, max_score_diff=0.11)
    pairs = list(zip(found.a_index.tolist(), found.b_index.tolist(), strict=True))

    assert set(pairs) <= set(edges)
    assert len({j for _, j in pairs}) == len(pairs)
    covered_a = [i in found.a_index for i in range(len(a))]
    covered_b = [j in found.b_index for j in range(len(b))]
    for other in all_matchings(edges):
        assert len(other) <= len(pairs)
        # Lists of booleans compare lexicographically: the earliest indices count most.
        assert [i in {p for p, _ in other} for i in range(len(a))] <= covered_a
        assert [j in {q for _, q in other} for j in range(len(b))] <= covered_b


@settings(deadline=None)
@given(a=sets_of_boxes(), b=sets_of_boxes())
def test_every_detection_is_matched_or_listed(a: Detections, b: Detections) -> None:
    found = match_detections(a, b, min_iou=0.5, max_score_diff=1)
    assert sorted([*found.a_index, *found.unmatched_a]) == list(range(len(a)))
    assert sorted([*found.b_index, *found.unmatched_b]) == list(range(len(b)))
    again = match_detections(a, b, min_iou=0.5, max_score_diff=1)
    np.testing.assert_array_equal(found.b_index, again.b_index)


@settings(deadline=None)
@given(a=sets_of_boxes())
def test_a_set_matches_itself_exactly(a: Detections) -> None:
    found = match_detections(a, a, min_iou=0.99, max_score_diff=1)
    assert len(found) == len(a)
    np.testing.assert_array_equal(found.iou, 1)
    np.testing.assert_array_equal(found.box_diff_px, 0)


def test_near_duplicates_are_matched_where_greedy_choice_fails() -> None:
    # b0 overlaps both boxes of a, and a0 best; b1 overlaps a0 only.
    a = detections((0, 0, 100, 100, 0.9, 0), (3, 0, 103, 100, 0.8, 0))
    b = detections((1, 0, 101, 100, 0.9, 0), (-2, 0, 98, 100, 0.8, 0))
    found = match_detections(a, b, min_iou=0.95, max_score_diff=1)
    assert found.a_index.tolist() == [0, 1]
    assert found.b_index.tolist() == [1, 0]


def test_a_better_score_is_preferred_to_a_larger_overlap_on_both_sides() -> None:
    one = detections((0, 0, 1000, 10, 0.2505, 0))
    two = detections((0, 0, 999, 10, 0.2504, 0), (0, 0, 1000, 10, 0.2497, 0))
    assert match_detections(one, two, min_iou=0.99, max_score_diff=0.001).b_index.tolist() == [0]
    assert match_detections(two, one, min_iou=0.99, max_score_diff=0.001).a_index.tolist() == [0]


def test_differences_are_reported_per_pair() -> None:
    a = detections((0, 0, 100, 100, 0.9, 0), (200, 200, 260, 260, 0.5, 1))
    b = detections((0, 0, 100, 99.5, 0.8, 0), (200, 200, 260, 260, 0.5, 1))
    found = match_detections(a, b, min_iou=0.9, max_score_diff=1)
    np.testing.assert_allclose(found.iou, [0.995, 1])
    np.testing.assert_allclose(found.box_diff_px, [0.5, 0])
    np.testing.assert_allclose(found.score_diff, [0.1, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ((0, 0, 10, 10, 0.5, 1), "class"),
        ((0, 0, 10, 9, 0.5, 0), "overlap"),
        ((0, 0, 10, 10, 0.49, 0), "score"),
    ],
)
def test_pairs_outside_the_limits_are_not_matched(
    other: tuple[float, float, float, float, float, int], reason: str
) -> None:
    a, b = detections((0, 0, 10, 10, 0.5, 0)), detections(other)
    found = match_detections(a, b, min_iou=0.99, max_score_diff=0.001)
    assert (len(found), found.unmatched_a.tolist(), found.unmatched_b.tolist()) == (0, [0], [0])


def test_equal_boxes_without_area_match() -> None:
    a = detections((10, 5, 10, 9, 0.5, 0))
    assert match_detections(a, a, min_iou=0.99, max_score_diff=1).iou.tolist() == [1]


def test_nothing_matches_nothing() -> None:
    a = detections((0, 0, 10, 10, 0.5, 0))
    empty = Detections.empty()
    assert match_detections(a, empty, min_iou=0.5, max_score_diff=1).unmatched_a.tolist() == [0]
    assert match_detections(empty, a, min_iou=0.5, max_score_diff=1).unmatched_b.tolist() == [0]
    assert len(match_detections(empty, empty, min_iou=0.5, max_score_diff=1)) == 0


def test_truth_goes_to_the_best_score_first_and_only_once() -> None:
    iou = np.array([[0.6, 0.55], [0.9, 0.3], [0.0, 0.7], [0.4, 0.4]])
    assert match_to_truth(iou, min_iou=0.5).tolist() == [0, -1, 1, -1]


def test_truth_ties_go_to_the_last_box_as_in_the_reference() -> None:
    assert match_to_truth(np.array([[0.8, 0.8]]), min_iou=0.5).tolist() == [1]


def test_no_truth_matches_nothing() -> None:
    assert match_to_truth(np.zeros((2, 0)), min_iou=0.5).tolist() == [-1, -1]
    assert match_to_truth(np.zeros((0, 2)), min_iou=0.5).tolist() == []


Row: TypeAlias = tuple[tuple[float, float, float, float], float, int]

BOX = (0.0, 0.0, 100.0, 100.0)
OTHER = (0.0, 10.0, 100.0, 110.0)  # overlaps BOX by 0.82
NEXT = (0.0, 28.0, 100.0, 128.0)  # overlaps OTHER by 0.69, and BOX by 0.56
EDGE = (0.0, 17.647, 100.0, 117.647)  # overlaps BOX by 0.7000


def boxes(*rows: Row) -> Detections:
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
    a, b = boxes((BOX, 0.5, 0)), boxes((OTHER, 0.5 + 5e-7, 0))
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
    assert ties(boxes((BOX, 0.5, 0)), boxes(other), [0], [0]) == ([False], [False])


def test_a_box_with_nothing_beside_it_is_a_difference() -> None:
    assert ties(boxes((BOX, 0.5, 0)), boxes(), [0], []) == ([False], [])


def test_an_overlap_at_the_limit_is_a_tie_whatever_the_scores() -> None:
    """Both have the better box; one suppressed the second by it, the other did not."""
    a, b = boxes((BOX, 0.9, 0), (EDGE, 0.2, 0)), boxes((BOX, 0.9, 0))
    assert ties(a, b, [1], []) == ([True], [])
    assert ties(a, b, [1], [], iou_limit=0.6) == ([False], [])


def test_what_a_tied_box_suppresses_hangs_on_the_tie() -> None:
    a = boxes((BOX, 0.5, 0), (NEXT, 0.3, 0))
    assert ties(a, boxes((OTHER, 0.5, 0)), [0, 1], [0], 0.65) == ([True, True], [True])
    # With a clear winner there is no tie to hang on.
    assert ties(a, boxes((OTHER, 0.6, 0)), [0, 1], [0], 0.65) == ([False, False], [False])
