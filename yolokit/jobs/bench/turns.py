"""Combinations compared in turn: A B A B ..., one run after another and then several at once."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Progress
from yolokit.runtime.latency import Timing, time_opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.events import OnEvent
    from yolokit.jobs.bench.record import Row
    from yolokit.runtime.run_ahead import Stop
    from yolokit.runtime.timing.process import TimedModel

MANY_RUNS = 100_000  # as many as fit into a turn
_TURN_S = 1.0
_LEAST_TURN_S = 0.1
_MORE_S = 0.05  # for what is not timed in a turn


@dataclass(slots=True)
class Turns:
    """What was measured of one model: a timing and the images in a second, for each round."""

    timings: list[Timing] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)


def take_turns(
    models: Sequence[TimedModel], *, rounds: int, left_s: float, on_event: OnEvent, stop: Stop
) -> list[Turns]:
    """Time models in turn; a stop ends it after a round.

    Args:
        models: They are open, and idle while it is not their turn.
        rounds: How often it is each one's turn.
        left_s: How long all of it may take; a turn has a tenth of a second at least.
        on_event: Told how far it has come.
        stop: Asked before each round.

    Raises:
        InferenceError: A model failed, or its process died or hung.
    """
    turn_s = left_s / (2 * rounds * len(models)) - _MORE_S
    turn_s = min(_TURN_S, max(_LEAST_TURN_S, turn_s))
    found = [Turns() for _ in models]
    for number in range(rounds):
        if stop.is_requested:
            break
        on_event(Progress("comparing", number, rounds, unit="turns"))
        timings = time_opened(models, rounds=1, runs=MANY_RUNS, turn_s=turn_s)
        for own, timing in zip(found, timings, strict=True):
            own.timings.append(timing)
        for own, model in zip(found, models, strict=True):
            flowed = model.flow(turn_s)
            own.rates.append(flowed.images / flowed.seconds)
    return found


def settle(row: Row, own: Turns, usual: Turns | None) -> Row:
    """Return a row with the figures of the comparison; ``usual`` are those of the default."""
    last = own.timings[-1]
    rounds_ms = tuple(one for timing in own.timings for one in timing.rounds_ms)
    timing = msgspec.structs.replace(last, rounds_ms=rounds_ms)
    gains: list[float] = []
    if usual is not None:
        gains = [rate / other for rate, other in zip(own.rates, usual.rates, strict=True)]
    return msgspec.structs.replace(
        row,
        rounds=len(own.rates),
        runs=len(timing.samples_ms),
        p50_ms=timing.p50_ms,
        p95_ms=timing.p95_ms,
        p99_ms=timing.p99_ms,
        images_per_s=statistics.median(own.rates),
        speedup=statistics.median(gains) if gains else None,
        speedup_range=(min(gains), max(gains)) if gains else None,
        memory_bytes=own.timings[0].peak_rss_bytes,
        start_s=timing.start_s + timing.first_ms / 1000,
    )
