"""Which candidates keep the limits, which lie on the front of mAP and latency, and which wins."""

from __future__ import annotations

import statistics
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.units import describe_change, describe_number
from yolokit.jobs.optimize.candidates import Candidate, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EQUAL = 0.03  # of two latencies: no machine tells less apart
_PRECISIONS = ("fp32", "fp16", "int8")
_SLACK = 1e-9  # of sums of decimal fractions


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a winner must keep: mAP50-95 lost against the trained model, and speed.

    Attributes:
        max_map_drop: Most that may be lost.
        min_speedup: Against the parent; None for any.
        max_latency_ms: None for any.
    """

    max_map_drop: float
    min_speedup: float | None = None
    max_latency_ms: float | None = None

    @property
    def asks_for_speed(self) -> bool:
        """Whether being accurate is not enough."""
        return self.min_speedup is not None or self.max_latency_ms is not None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that was timed, seen under the limits.

    Attributes:
        outcome: What was measured.
        speedup: Against the parent.
        latency_ms: What an image takes where the parent takes its median of the whole search.
        drop: mAP50-95 that was lost; None where that was not measured on all of val.
        is_too_slow: Whether it misses a limit of speed.
        refused: Why a gate of an export refused it; None where none did.
        misses: Why it cannot win, in words.
        is_front: Whether no other one is as fast and as accurate.
    """

    outcome: Outcome
    speedup: float
    latency_ms: float
    drop: float | None
    is_too_slow: bool
    refused: str | None
    misses: tuple[str, ...]
    is_front: bool = False

    @property
    def candidate(self) -> Candidate:
        """What was tried."""
        return self.outcome.candidate

    @property
    def is_eligible(self) -> bool:
        """Whether it was measured on all of val and keeps every limit."""
        return self.drop is not None and not self.misses


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """All candidates under the limits.

    Attributes:
        limits: What must hold.
        trained_map: mAP50-95 of the trained model on val.
        parent_ms: Median time of an image in the parent, over the whole search.
        places: Those that were timed, the fastest first.
        others: Those that were not.
        winner: None where no candidate keeps every limit.
    """

    limits: Limits
    trained_map: float
    parent_ms: float
    places: tuple[Place, ...]
    others: tuple[Outcome, ...]
    winner: Place | None

    def find(self, candidate: Candidate) -> Place | None:
        """Return where a candidate stands, if it was timed."""
        return next((one for one in self.places if one.candidate == candidate), None)


def rank(
    outcomes: Iterable[Outcome],
    trained_map: float,
    limits: Limits,
    refused: Mapping[str, str] = MappingProxyType({}),
) -> Ranking:
    """Place all candidates, the fastest first, and choose the winner.

    Args:
        outcomes: What was measured.
        trained_map: mAP50-95 of the trained model.
        limits: What a winner must keep.
        refused: Why the gates of an export refused candidates, by their keys.
    """
    known = list(outcomes)
    timed = [one for one in known if one.latency is not None]
    parents = [one.latency.parent_ms for one in timed if one.latency is not None]
    parent_ms = statistics.median(parents) if parents else 0.0
    places = [
        _place(one, trained_map, parent_ms, limits, refused.get(one.candidate.key)) for one in timed
    ]
    places.sort(key=lambda one: (one.latency_ms, _of_drop(one)))
    front = find_front(places)
    places = [
        msgspec.structs.replace(one, is_front=number in front) for number, one in enumerate(places)
    ]
    return Ranking(
        limits=limits,
        trained_map=trained_map,
        parent_ms=parent_ms,
        places=tuple(places),
        others=tuple(one for one in known if one.latency is None),
        winner=choose_winner(places),
    )


def _place(
    outcome: Outcome, trained_map: float, parent_ms: float, limits: Limits, refused: str | None
) -> Place:
    assert outcome.latency is not None, "it was timed"
    speedup = outcome.latency.speedup
    drop = None
    if outcome.state == "measured" and outcome.score is not None:
        drop = trained_map - outcome.score.map50_95
    latency_ms = parent_ms / speedup
    misses = list_speed_misses(limits, speedup, latency_ms)
    is_too_slow = bool(misses)
    if drop is not None and not drop <= limits.max_map_drop + _SLACK:
        allowed = describe_number(limits.max_map_drop)
        misses.insert(0, f"it loses {drop:.4f} mAP, {allowed} are allowed")
    return Place(
        outcome=outcome,
        speedup=speedup,
        latency_ms=latency_ms,
        drop=drop,
        is_too_slow=is_too_slow,
        refused=refused,
        misses=tuple(misses if refused is None else [*misses, f"a gate refused it: {refused}"]),
    )


def list_speed_misses(limits: Limits, speedup: float, latency_ms: float) -> list[str]:
    """Return each limit of speed that is missed, in words."""
    misses = []
    if limits.min_speedup is not None and speedup < limits.min_speedup:
        asked = describe_number(limits.min_speedup)
        misses.append(f"it is {speedup:.2f}x as fast, {asked}x was asked for")
    if limits.max_latency_ms is not None and latency_ms > limits.max_latency_ms:
        asked = describe_number(limits.max_latency_ms)
        misses.append(f"it takes {latency_ms:.2f} ms, {asked} ms was asked for")
    return misses


def find_front(places: Sequence[Place]) -> set[int]:
    """Return the indices of those that no other one equals or surpasses in both.

    Of several that are equal in both the first is on the front.
    """
    front: set[int] = set()
    lowest = float("inf")
    order = sorted(range(len(places)), key=lambda n: (places[n].latency_ms, _of_drop(places[n])))
    for number in order:
        drop = places[number].drop
        if drop is not None and drop < lowest:
            front.add(number)
            lowest = drop
    return front


def choose_winner(places: Sequence[Place]) -> Place | None:
    """Return the fastest that keeps every limit.

    Of those that are as fast but for what no machine tells apart: the most accurate, to three
    digits, and of equally accurate ones that whose numbers are least changed.
    """
    eligible = [one for one in places if one.is_eligible]
    if not eligible:
        return None
    fastest_ms = min(one.latency_ms for one in eligible)
    equal = [one for one in eligible if one.latency_ms <= fastest_ms * (1 + EQUAL)]
    return min(equal, key=lambda one: (round(_of_drop(one), 3), *_of_change(one.candidate)))


def _of_drop(place: Place) -> float:
    return float("inf") if place.drop is None else round(place.drop, 6)


def _of_change(candidate: Candidate) -> tuple[int, bool, str]:
    engine = candidate.engine
    return (
        _PRECISIONS.index(candidate.recipe.precision),
        engine.precision != "fp32",
        candidate.key,
    )


def describe_limits(limits: Limits) -> str:
    """Return what a winner must keep, in words."""
    parts = [f"at most {describe_number(limits.max_map_drop)} mAP50-95 lost"]
    if limits.min_speedup is not None:
        parts.append(f"at least {describe_number(limits.min_speedup)}x as fast")
    if limits.max_latency_ms is not None:
        parts.append(f"at most {describe_number(limits.max_latency_ms)} ms an image")
    return ", ".join(parts)


def explain_misses(ranking: Ranking) -> list[str]:
    """Say how near the candidates came where none keeps every limit, a sentence for each side."""
    limits, sentences = ranking.limits, list[str]()
    for one in ranking.places:
        if one.refused is not None:
            sentences.append(f"a gate refused {one.candidate.title}: {one.refused}")
    measured = [one for one in ranking.places if one.drop is not None and one.refused is None]
    accurate = [one for one in measured if not loses_too_much(one, limits)]
    if accurate:
        best = min(accurate, key=lambda one: one.latency_ms)
        sentences.append(
            f"the fastest that loses no more than {describe_number(limits.max_map_drop)} "
            f"mAP50-95: {best.candidate.title}, {describe_place(best)}"
        )
    elif measured:
        best = min(measured, key=_of_drop)
        sentences.append(
            f"none loses as little mAP50-95 as {describe_number(limits.max_map_drop)}; "
            f"the most accurate: {best.candidate.title}, {describe_place(best)}"
        )
    fast = [one for one in measured if loses_too_much(one, limits) and not one.is_too_slow]
    if fast and limits.asks_for_speed:
        best = min(fast, key=_of_drop)
        sentences.append(
            f"the most accurate that is fast enough: {best.candidate.title}, {describe_place(best)}"
        )
    if not measured and not sentences:
        sentences.append("no candidate could be measured")
    return sentences


def loses_too_much(place: Place, limits: Limits) -> bool:
    """Tell whether a candidate is not accurate enough, or not known to be."""
    return place.drop is None or not place.drop <= limits.max_map_drop + _SLACK


def describe_place(place: Place) -> str:
    """Return the figures of a candidate: ``1.83x, 2.9 ms, mAP50-95 -0.0029``."""
    change = "not measured" if place.drop is None else describe_change(-place.drop)
    if not change.strip("0."):
        change = "as trained"
    return f"{place.speedup:.2f}x, {place.latency_ms:.2f} ms, mAP50-95 {change}"
