"""Which of two models is faster here: timed in turn, judged round by round, honest about noise."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.runtime.latency import list_speedups, time_in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yolokit.runtime.latency import Timing, TimingSpec

ROUNDS, MORE_ROUNDS = 5, 10
RUNS = 30
TURN_S = 1.5
# Two models are as fast as each other within this, and none of their rounds is further off. The
# same file beside itself came out up to 3 % apart in every one of ten rounds.
_SAME, _SAME_ROUND = 0.05, 0.1

SpeedVerdict = Literal["faster", "as fast", "slower", "undecided"]


class SideTiming(msgspec.Struct, frozen=True, kw_only=True):
    """How long one model takes for an image, in ms, without reading and drawing."""

    p50_ms: float
    p95_ms: float
    provider: str
    precision: str
    threads: int
    peak_rss_bytes: int | None
    open_s: float


class SpeedComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two models timed in turn.

    Attributes:
        verdict: Of the second: ``faster`` or ``slower`` where every round says so, ``as fast``
            where the two are within 5 %, ``undecided`` where the rounds contradict each other.
        first: The model that it is compared with.
        second: The model that is judged.
        speedups: How many times as fast the second is, in each round.
        speedup: Their median.
    """

    verdict: SpeedVerdict
    first: SideTiming
    second: SideTiming
    speedups: tuple[float, ...]
    speedup: float

    def describe(self) -> str:
        """Return the figures of the second in words, and the time of the first at the end."""
        low, high = min(self.speedups), max(self.speedups)
        return (
            f"speed {self.speedup:.2f}x ({low:.2f}x to {high:.2f}x in {len(self.speedups)} "
            f"rounds), {self.second.p50_ms:.2f} ms an image, and {self.first.p50_ms:.2f} ms"
        )


def compare_speed(
    first: TimingSpec,
    second: TimingSpec,
    *,
    on_turn: Callable[[int, int], None] = lambda _done, _total: None,
) -> SpeedComparison:
    """Time two models in turn; once more, and for longer, where that leaves it undecided.

    Raises:
        YolokitError: As :func:`time_in_turn`.
    """
    found = _measure(first, second, ROUNDS, on_turn)
    if found.verdict == "undecided":
        found = _measure(first, second, MORE_ROUNDS, on_turn)
    return found


def judge_speedups(speedups: Sequence[float]) -> SpeedVerdict:
    """Judge how many times as fast a model was in each round.

    By chance alone every one of five rounds says the same in 1 of 16 measurements; a difference of
    5 % on top of that is one that a user would call one.
    """
    median = statistics.median(speedups)
    if min(speedups) > 1 and median > 1 + _SAME:
        return "faster"
    if max(speedups) < 1 and median < 1 - _SAME:
        return "slower"
    if abs(median - 1) <= _SAME and all(abs(one - 1) <= _SAME_ROUND for one in speedups):
        return "as fast"
    return "undecided"


def _measure(
    first: TimingSpec, second: TimingSpec, rounds: int, on_turn: Callable[[int, int], None]
) -> SpeedComparison:
    timings = time_in_turn(
        (first, second), rounds=rounds, runs=RUNS, turn_s=TURN_S, on_turn=on_turn
    )
    speedups = list_speedups(timings[1], timings[0])
    return SpeedComparison(
        verdict=judge_speedups(speedups),
        first=_describe(timings[0]),
        second=_describe(timings[1]),
        speedups=tuple(speedups),
        speedup=statistics.median(speedups),
    )


def _describe(timing: Timing) -> SideTiming:
    batch = timing.spec.batch
    return SideTiming(
        p50_ms=timing.p50_ms / batch,
        p95_ms=timing.p95_ms / batch,
        provider=timing.provider,
        precision=timing.spec.precision,
        threads=timing.threads,
        peak_rss_bytes=timing.peak_rss_bytes,
        open_s=timing.open_s,
    )
