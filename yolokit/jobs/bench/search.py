"""Which combinations are tried: the engines first, then thread counts and batches of the best.

Each is opened in a process of its own, checked, and timed for a moment; those that may be the best
are then compared in turn. So not the whole product of all choices is measured, and what is left
out is told.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Notice, OnEvent, Progress
from yolokit.core.machine import usable_cores
from yolokit.errors import InferenceError, YolokitError
from yolokit.hub.store import HOME_VARIABLE
from yolokit.jobs.bench.record import Combination, LeftOut, Row
from yolokit.runtime.latency import Timing, find_quantile, list_speedups, time_opened
from yolokit.runtime.providers.toolkit import list_auto, list_providers, load_provider
from yolokit.runtime.session import list_installed
from yolokit.runtime.timing.orders import TimingSpec
from yolokit.runtime.timing.process import OPEN_LIMIT_S, TimedModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from yolokit.jobs.bench.config import BenchConfig
    from yolokit.jobs.bench.proof import Reference
    from yolokit.runtime.run_ahead import Stop

WORTH = 1.03  # a smaller gain is noise
_TRY_S = 0.5
_TURN_S = 1.0
_LEAST_TURN_S = 0.1
_LEAST_OPEN_S = 5.0
_NEAR = 1.25  # a single try does not tell such from the best
_MANY_RUNS = 100_000
_MOST_COMPARED = 8
_BATCHES = (1, 4, 8)
_SHARE_OF_TRIES = 0.5  # of the budget; the rest is for the comparison


def rank(row: Row) -> float:
    """Return what is lower for a faster row: by the rounds, whose sides meet the same load."""
    return row.p50_ms if row.speedup is None else 1 / row.speedup


class Clock:
    """How much of a budget of time is left."""

    def __init__(self, budget_s: float) -> None:
        self._budget_s = budget_s
        self._start_s = time.perf_counter()

    @property
    def seconds(self) -> float:
        """The time since the start."""
        return time.perf_counter() - self._start_s

    @property
    def left_s(self) -> float:
        """What is left of the budget."""
        return self._budget_s - self.seconds

    @property
    def tries_are_over(self) -> bool:
        """Whether the time for single tries is used up."""
        return self.seconds > self._budget_s * _SHARE_OF_TRIES


class Search:
    """Tries combinations of one model.

    Attributes:
        rows: What was timed.
        left_out: What was not, and why.
        is_complete: Whether those that may be the best were compared in turn.
    """

    def __init__(
        self,
        config: BenchConfig,
        reference: Reference,
        pictures: tuple[str, ...],
        home: Path,
        budget_s: float,
        on_event: OnEvent,
        stop: Stop,
    ) -> None:
        self.rows: list[Row] = []
        self.left_out: list[LeftOut] = []
        self.is_complete = False
        self._config = config
        self._reference = reference
        self._pictures = pictures
        self._variables = {HOME_VARIABLE: str(home)}  # so that nothing is compiled beforehand
        self._on_event = on_event
        self._stop = stop
        self._clock = Clock(budget_s)
        self._fixed_batch = reference.detector.manifest.io.shape[0]
        self._tried = 0

    @property
    def batch(self) -> int:
        """The smallest batch, with which the engines are compared."""
        return self._list_batches()[0]

    def run(self) -> None:
        """Search, until the budget is used up or a stop is requested."""
        cores = usable_cores()
        threads = self._config.thread_counts or [cores]
        engines = list(self._list_engines())
        for provider, precision in engines:
            self._try(Combination(provider, precision, max(threads), self.batch), is_engine=True)
        for row in self._list_fastest(3):
            for count in self._list_thread_counts(cores):
                self._try(msgspec.structs.replace(row.combination, threads=count))
        for row in self._list_fastest(1):
            for size in self._list_batches()[1:]:
                self._try(msgspec.structs.replace(row.combination, batch=size))
        self._compare()
        self.rows.sort(key=lambda row: (not row.rounds, row.combination.batch, rank(row)))

    def find_default(self) -> Row | None:
        """Return what ``predict`` takes without a profile, if it was timed."""
        order = {name: place for place, name in enumerate(list_auto())}
        usual = [
            row
            for row in self.rows
            if row.combination.precision == "fp32"
            and row.combination.batch == self.batch
            and row.combination.provider in order
        ]
        most = max((row.combination.threads for row in usual), default=0)
        own = [row for row in usual if row.combination.threads == most]
        return min(own, key=lambda row: order[row.combination.provider], default=None)

    def _list_engines(self) -> Iterator[tuple[str, str]]:
        installed = list_installed()
        asked = self._config.providers
        for name in asked or installed:
            if name not in installed:
                how = load_provider(name).how_to_install()
                self.left_out.append(LeftOut(what=name, why=f"is not installed: {how}"))
                continue
            try:
                has = load_provider(name).list_precisions()
            except InferenceError as error:
                self.left_out.append(LeftOut(what=name, why=f"does not load: {error.message}"))
                continue
            for precision in self._config.precisions or has:
                if precision in has:
                    yield name, precision
                else:
                    what = f"{name} {precision}"
                    self.left_out.append(LeftOut(what=what, why="it does not compute in that here"))
        if not asked:
            absent = ", ".join(name for name in list_providers() if name not in installed)
            why = "not installed; `yolokit doctor` says how"
            self.left_out += [LeftOut(what=absent, why=why)] if absent else []

    def _list_thread_counts(self, cores: int) -> list[int]:
        if self._config.quick:
            return []
        return self._config.thread_counts or sorted({1, max(1, cores // 4), max(1, cores // 2)})

    def _list_batches(self) -> list[int]:
        if self._fixed_batch is not None:
            return [self._fixed_batch]
        return self._config.batch_sizes or ([1] if self._config.quick else list(_BATCHES))

    def _list_fastest(self, count: int) -> list[Row]:
        """Return the fastest row of each engine, the fastest engines first; none that is wrong."""
        best: dict[str, Row] = {}
        for row in sorted(self.rows, key=lambda row: row.p50_ms / row.combination.batch):
            if row.check.verdict != "wrong":
                best.setdefault(row.combination.engine, row)
        return list(best.values())[:count]

    def _try(self, combination: Combination, *, is_engine: bool = False) -> None:
        if any(row.combination == combination for row in self.rows):
            return
        what = str(combination)
        over = self._clock.left_s <= 0 if is_engine else self._clock.tries_are_over
        if self._stop.is_requested or over:
            why = "not tried: stopped" if self._stop.is_requested else "not tried: no time was left"
            self.left_out.append(LeftOut(what=what, why=why))
            return
        try:
            with self._open(combination) as model:
                found = model.compute()
                measured = model.measure(runs=_MANY_RUNS, seconds=_TRY_S, warm_up=2)
                start_s = model.start_s + model.opened.first_ms / 1000
        except YolokitError as error:
            self.left_out.append(LeftOut(what=what, why=str(error)))
            return
        self._tried += 1
        self._on_event(Progress("trying", self._tried, None, unit="turns"))
        check = self._reference.check(found, combination.precision)
        p50_ms, p95_ms, p99_ms = (
            find_quantile(measured.samples_ms, share) for share in (0.5, 0.95, 0.99)
        )
        self.rows.append(
            Row(
                combination=combination,
                runs=len(measured.samples_ms),
                p50_ms=p50_ms,
                p95_ms=p95_ms,
                p99_ms=p99_ms,
                images_per_s=combination.batch * 1000 / p50_ms,
                memory_bytes=measured.peak_rss_bytes,
                first_start_s=start_s,
                check=check,
            )
        )

    def _open(self, combination: Combination) -> TimedModel:
        limit_s = min(OPEN_LIMIT_S, max(_LEAST_OPEN_S, self._clock.left_s))
        return TimedModel(
            TimingSpec(
                model=str(self._config.model),
                provider=combination.provider,
                precision=combination.precision,
                threads=combination.threads,
                batch=combination.batch,
                images=self._pictures,
            ),
            open_limit_s=limit_s,
            variables=self._variables,
        )

    def _choose_compared(self) -> list[Row]:
        """Return what may be the best: the default, each engine at its best, the best's batches."""
        default = self.find_default()
        single = [row for row in self.rows if row.combination.batch == self.batch]
        larger = [row for row in self.rows if row.combination.batch != self.batch]
        fastest: dict[str, Row] = {}
        near: list[Row] = []
        for row in sorted(single, key=lambda row: row.p50_ms):
            own = fastest.setdefault(row.combination.engine, row)
            if own is not row and row.p50_ms <= own.p50_ms * _NEAR:
                near.append(row)
        chosen = [*([default] if default else []), *fastest.values(), *larger, *near]
        return [row for at, row in enumerate(chosen) if row not in chosen[:at]][:_MOST_COMPARED]

    def _compare(self) -> None:
        """Time the best in turn, and put what that gives in place of the single tries."""
        chosen = self._choose_compared()
        if self._stop.is_requested or not chosen:
            return
        with contextlib.ExitStack() as stack:
            try:
                models = [stack.enter_context(self._open(row.combination)) for row in chosen]
                timings = self._take_turns(models)
            except YolokitError as error:
                self._on_event(Notice(f"the comparison ended early: {error}"))
                return
        if not timings:
            return
        self.is_complete = not self._stop.is_requested
        default = self.find_default()
        of_default = next(
            (one for row, one in zip(chosen, timings, strict=True) if row is default), None
        )
        for row, timing in zip(chosen, timings, strict=True):
            self.rows[self.rows.index(row)] = _settle(row, timing, of_default)

    def _take_turns(self, models: Sequence[TimedModel]) -> list[Timing]:
        """Time models in turn; a stop ends it after a round."""
        rounds = self._config.rounds
        turn_s = self._clock.left_s / (rounds * len(models))
        turn_s = min(_TURN_S, max(_LEAST_TURN_S, turn_s - 0.05))
        found: list[list[Timing]] = []
        for number in range(rounds):
            if self._stop.is_requested:
                break
            done = number * len(models)
            found.append(
                time_opened(
                    models, rounds=1, runs=_MANY_RUNS, turn_s=turn_s,
                    on_turn=lambda at, of, done=done: self._on_event(  # type: ignore[misc]
                        Progress("comparing", done + at, rounds * of, unit="turns")
                    ),
                )
            )  # fmt: skip
        return [
            msgspec.structs.replace(
                turns[-1], rounds_ms=tuple(one for turn in turns for one in turn.rounds_ms)
            )
            for turns in zip(*found, strict=True)
        ]


def _settle(row: Row, timing: Timing, default: Timing | None) -> Row:
    """Return a row with the figures of the comparison."""
    gains = list_speedups(timing, default) if default is not None else []
    return msgspec.structs.replace(
        row,
        rounds=len(timing.rounds_ms),
        runs=len(timing.samples_ms),
        p50_ms=timing.p50_ms,
        p95_ms=timing.p95_ms,
        p99_ms=timing.p99_ms,
        images_per_s=timing.images_per_s,
        speedup=statistics.median(gains) if gains else None,
        speedup_range=(min(gains), max(gains)) if gains else None,
        memory_bytes=timing.peak_rss_bytes,
        start_s=timing.start_s + timing.first_ms / 1000,
    )
