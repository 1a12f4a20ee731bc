"""How long models take, timed in turn (A B A B ...), each in a process of its own.

While one is timed the others are idle, so that neither threads that spin nor other memory traffic
are in a figure. Absolute times depend on what else the machine does; the ratios of a round do so
far less, since its two sides meet the same.
"""

from __future__ import annotations

import contextlib
import statistics
from typing import TYPE_CHECKING

import msgspec

from yolokit.runtime.timing.orders import TimingSpec
from yolokit.runtime.timing.process import TimedModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Timing", "TimingSpec", "find_quantile", "list_speedups", "time_in_turn", "time_opened"]

ROUNDS = 3
RUNS = 50
TURN_S = 2.0
WARM_UP = 3


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """How long one model took.

    Attributes:
        spec: What was asked for.
        provider: What really ran it; likewise ``threads``.
        rounds_ms: For each round, the time of each run of ``spec.batch`` images.
        start_s: From the start of a process to the model's being open.
        open_s: Of these, loading the model, and compiling it where its provider does.
        first_ms: The first run, in which some providers prepare more.
        peak_rss_bytes: Most resident memory of its process; None where the system does not tell.
    """

    spec: TimingSpec
    provider: str
    threads: int
    rounds_ms: tuple[tuple[float, ...], ...]
    start_s: float
    open_s: float
    first_ms: float
    peak_rss_bytes: int | None

    @property
    def samples_ms(self) -> tuple[float, ...]:
        """The runs of all rounds, in order."""
        return tuple(one for samples in self.rounds_ms for one in samples)

    @property
    def p50_ms(self) -> float:
        """The median run."""
        return find_quantile(self.samples_ms, 0.5)

    @property
    def p95_ms(self) -> float:
        """The time that 95 of 100 runs do not exceed."""
        return find_quantile(self.samples_ms, 0.95)

    @property
    def p99_ms(self) -> float:
        """The time that 99 of 100 runs do not exceed."""
        return find_quantile(self.samples_ms, 0.99)

    @property
    def images_per_s(self) -> float:
        """Images in a second, at the median."""
        return self.spec.batch * 1000 / self.p50_ms


def find_quantile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of all does not exceed, between neighbours by proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def list_speedups(of: Timing, over: Timing) -> list[float]:
    """Return how many times as fast one model is as another, image by image, in each round."""
    return [
        (statistics.median(slow) / over.spec.batch) / (statistics.median(fast) / of.spec.batch)
        for fast, slow in zip(of.rounds_ms, over.rounds_ms, strict=True)
    ]


def time_in_turn(
    specs: Sequence[TimingSpec],
    *,
    rounds: int = ROUNDS,
    runs: int = RUNS,
    turn_s: float = TURN_S,
    on_turn: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Timing]:
    """Time models in turn: one turn each, ``rounds`` times.

    Args:
        specs: What is timed.
        rounds: How often it is each one's turn.
        runs: Runs in a turn.
        turn_s: A turn ends after this time at the latest, with one run at least.
        on_turn: Told how many turns of how many are done.

    Returns:
        A timing for each, in the order of ``specs``.

    Raises:
        YolokitError: One cannot be opened, as ``Detector.load`` says it.
        InferenceError: One failed, or its process died or hung.
    """
    with contextlib.ExitStack() as stack:
        models = [stack.enter_context(TimedModel(spec)) for spec in specs]
        return time_opened(models, rounds=rounds, runs=runs, turn_s=turn_s, on_turn=on_turn)


def time_opened(
    models: Sequence[TimedModel],
    *,
    rounds: int = ROUNDS,
    runs: int = RUNS,
    turn_s: float = TURN_S,
    on_turn: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Timing]:
    """Do as :func:`time_in_turn` with models that are open."""
    samples: list[list[tuple[float, ...]]] = [[] for _ in models]
    peaks: list[int | None] = [None for _ in models]
    for turn in range(rounds * len(models)):
        at = turn % len(models)
        measured = models[at].measure(runs=runs, seconds=turn_s, warm_up=WARM_UP)
        samples[at].append(measured.samples_ms)
        peaks[at] = measured.peak_rss_bytes
        on_turn(turn + 1, rounds * len(models))
    return [
        Timing(
            spec=model.spec,
            provider=model.opened.provider,
            threads=model.opened.threads,
            rounds_ms=tuple(own),
            start_s=model.start_s,
            open_s=model.opened.open_s,
            first_ms=model.opened.first_ms,
            peak_rss_bytes=peak,
        )
        for model, own, peak in zip(models, samples, peaks, strict=True)
    ]
