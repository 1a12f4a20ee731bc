"""Limits, the front, the winner, and how near the others came."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.jobs.optimize.candidates import Candidate, Engine, Latency, Outcome, Recipe, Score
from yolokit.jobs.optimize.ranking import (
    Limits,
    Ranking,
    describe_place,
    explain_misses,
    rank,
)

TRAINED = 0.46
SPEEDUPS = st.floats(0.2, 5)
MAPS = st.floats(0.2, 0.5)


def outcome(name: str, speedup: float, found: float | None, **more: Any) -> Outcome:
    precision, provider, *computed = name.split()
    engine = Engine(provider=provider, precision=computed[0] if computed else "fp32")
    latency = Latency(
        p50_ms=10 / speedup, p95_ms=12 / speedup, parent_ms=10.0, speedups=(speedup,)
    )  # fmt: skip
    score = None if found is None else Score(map50_95=found, map50=0.9, images=80)
    given = {"state": "measured", "latency": latency, "score": score, **more}
    return Outcome(
        candidate=Candidate(recipe=Recipe(precision=precision), engine=engine),  # type: ignore[arg-type]
        **given,
    )


def order(*outcomes: Outcome, **limits: Any) -> Ranking:
    return rank(outcomes, TRAINED, Limits(**({"max_map_drop": 0.01} | limits)))


def titles(ranking: Ranking, *, front: bool = False) -> list[str]:
    return [one.candidate.title for one in ranking.places if one.is_front or not front]


PLAIN = (
    outcome("fp32 cpu", 1.0, 0.46),
    outcome("fp32 openvino bf16", 1.8, 0.457),
    outcome("int8 cpu", 2.2, 0.43),
)


def test_the_fastest_that_keeps_the_limits_wins() -> None:
    ranking = order(*PLAIN)
    assert titles(ranking) == ["int8 on cpu", "fp32 on openvino bf16", "fp32 on cpu"]
    assert ranking.winner is not None
    assert ranking.winner.candidate.title == "fp32 on openvino bf16"
    assert ranking.winner in ranking.places
    assert titles(ranking, front=True) == titles(ranking)


def test_wider_limits_let_another_one_win() -> None:
    winner = order(*PLAIN, max_map_drop=0.05).winner
    assert winner is not None
    assert winner.candidate.title == "int8 on cpu"


def test_what_loses_exactly_what_is_allowed_is_allowed() -> None:
    ranking = order(outcome("int8 cpu", 2, 0.45), max_map_drop=0.01)
    assert ranking.winner is not None, "0.46 - 0.45 is a little more than 0.01 in floats"


@pytest.mark.parametrize("wrong", [0.0, float("nan")])
def test_a_candidate_with_wrong_outputs_never_wins_however_fast(wrong: float) -> None:
    ranking = order(outcome("int8 cpu", 90, wrong), *PLAIN)
    assert ranking.winner is not None
    assert ranking.winner.candidate.title == "fp32 on openvino bf16"


@pytest.mark.parametrize("state", ["slower", "hopeless"])
def test_what_was_not_measured_on_all_of_val_never_wins(state: Any) -> None:
    score = 0.46 if state == "hopeless" else None
    ranking = order(outcome("int8 cpu", 9, score, state=state, part_drop=0.2))
    assert ranking.winner is None
    assert not ranking.places[0].is_front


def test_of_equally_fast_ones_the_most_accurate_wins_then_the_least_changed() -> None:
    ranking = order(
        outcome("int8 cpu", 2.04, 0.455),
        outcome("fp16 openvino", 2.0, 0.46),
        outcome("fp32 openvino", 1.99, 0.46),
    )
    assert ranking.winner is not None
    assert ranking.winner.candidate.title == "fp32 on openvino"


def test_limits_of_speed_are_told_with_what_was_reached() -> None:
    ranking = order(*PLAIN, min_speedup=3, max_latency_ms=2)
    assert ranking.winner is None
    assert ranking.places[1].misses == (
        "it is 1.80x as fast, 3x was asked for",
        "it takes 5.56 ms, 2 ms was asked for",
    )
    assert explain_misses(ranking) == [
        (
            "the fastest that loses no more than 0.01 mAP50-95: fp32 on openvino bf16, "
            "1.80x, 5.56 ms, mAP50-95 -0.0030"
        )
    ]


def test_both_sides_of_a_budget_are_told() -> None:
    assert explain_misses(order(*PLAIN, min_speedup=2)) == [
        (
            "the fastest that loses no more than 0.01 mAP50-95: fp32 on openvino bf16, "
            "1.80x, 5.56 ms, mAP50-95 -0.0030"
        ),
        "the most accurate that is fast enough: int8 on cpu, 2.20x, 4.55 ms, mAP50-95 -0.0300",
    ]


def test_where_nothing_is_accurate_the_nearest_is_told() -> None:
    (said,) = explain_misses(order(outcome("fp32 cpu", 1.0, 0.4)))
    assert said.startswith("none loses as little mAP50-95 as 0.01; the most accurate: fp32 on cpu")
    failed = Outcome(candidate=PLAIN[0].candidate, state="failed", why="no")
    assert explain_misses(order(failed)) == ["no candidate could be measured"]


def test_latency_is_counted_from_one_parent_whatever_the_load_was() -> None:
    busy = Latency(p50_ms=40, p95_ms=50, parent_ms=80.0, speedups=(1.9, 2.0, 2.4))
    other = outcome("fp32 openvino", 1.0, 0.46, latency=busy)
    ranking = order(PLAIN[0], PLAIN[1], other)
    place = ranking.find(other.candidate)
    assert ranking.parent_ms == 10
    assert place is not None
    assert (place.speedup, place.latency_ms) == (2.0, 5.0)
    assert describe_place(place) == "2.00x, 5.00 ms, mAP50-95 as trained"


@given(st.lists(st.tuples(SPEEDUPS, MAPS), min_size=1, max_size=12))
def test_the_front_is_what_nothing_surpasses(figures: list[tuple[float, float]]) -> None:
    outcomes = [outcome(f"fp32 p{n}", *each) for n, each in enumerate(figures)]
    ranking = order(*outcomes, max_map_drop=1.0)
    for one in ranking.places:
        surpassed = any(
            other.latency_ms <= one.latency_ms and other.drop <= one.drop
            for other in ranking.places
            if other is not one and other.drop is not None and one.drop is not None
            and (other.latency_ms, other.drop) != (one.latency_ms, one.drop)
        )  # fmt: skip
        if one.is_front:
            assert not surpassed
    assert any(one.is_front for one in ranking.places)
    for one in ranking.places:
        assert one.is_front or any(
            other.latency_ms <= one.latency_ms
            and round(other.drop or 0, 6) <= round(one.drop or 0, 6)
            for other in ranking.places
            if other.is_front
        )


@given(
    st.lists(st.tuples(SPEEDUPS, MAPS), min_size=1, max_size=12),
    st.floats(0, 0.2),
    st.none() | st.floats(1, 4),
)
def test_a_winner_keeps_the_limits_and_no_other_is_clearly_faster(
    figures: list[tuple[float, float]], drop: float, speedup: float | None
) -> None:
    outcomes = [outcome(f"fp32 p{n}", *each) for n, each in enumerate(figures)]
    ranking = order(*outcomes, max_map_drop=drop, min_speedup=speedup)
    eligible = [one for one in ranking.places if one.is_eligible]
    assert (ranking.winner is None) == (not eligible)
    if ranking.winner is not None:
        assert ranking.winner.drop is not None
        assert ranking.winner.drop <= drop + 1e-6
        assert ranking.winner.speedup >= (speedup or 0)
        assert all(one.latency_ms * 1.03 >= ranking.winner.latency_ms for one in eligible)
