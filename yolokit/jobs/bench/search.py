"""Which combinations are tried: the engines first, then thread counts and batches of the best.

Each is opened in a process of its own, checked, and timed for a moment; those that may be the best
are then compared in turn. So not the whole product of all choices is measured, and what is left
out is told.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Notice, OnEvent, Progress
from yolokit.core.machine import usable_cores
from yolokit.errors import YolokitError
from yolokit.files.own_folders import HOME_VARIABLE
from yolokit.jobs.bench.record import Combination, LeftOut, Row
from yolokit.jobs.bench.turns import MANY_RUNS, settle, take_turns
from yolokit.runtime.latency import find_quantile
from yolokit.runtime.probe import probe_provider
from yolokit.runtime.providers.toolkit import list_auto, list_providers, load_provider
from yolokit.runtime.session import list_installed
from yolokit.runtime.timing.orders import TimingSpec
from yolokit.runtime.timing.process import OPEN_LIMIT_S, TimedModel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from yolokit.jobs.bench.config import BenchConfig
    from yolokit.jobs.bench.proof import Reference
    from yolokit.runtime.run_ahead import Stop

WORTH = 1.03  # a smaller gain is noise
_TRY_S = 0.5
_LEAST_OPEN_S = 5.0
_NEAR = 1.25  # a single try does not tell such from the best
_MOST_COMPARED = 8
_AGAIN = 5  # times the first start, at most, until a model is open again
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
        self._untried: set[Combination] = set()

    @property
    def batch(self) -> int:
        """The smallest batch, with which the engines are compared."""
        return self._list_batches()[0]

    def run(self) -> None:
        """Search, until the budget is used up or a stop is requested."""
        cores = usable_cores()
        threads = self._config.thread_counts or [cores]
        # If there is time for few, then for those that need no proof on data, the CPU first.
        engines = sorted(self._list_engines(), key=lambda one: (one[1] != "fp32", one[0] != "cpu"))
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
        """Return what ``predict`` takes without a profile; None if that was not timed."""
        timed = {row.combination: row for row in self.rows}
        for usual in self._list_usual():
            if usual in timed:
                return timed[usual]
            if usual in self._untried:
                return None
        return None

    @property
    def default_is_untried(self) -> bool:
        """Whether there was no time for what ``predict`` takes without a profile."""
        return self.find_default() is None and not self._untried.isdisjoint(self._list_usual())

    def _list_usual(self) -> Iterator[Combination]:
        """Yield what ``predict`` tries without a profile, in order."""
        installed = list_installed()
        for name in (one for one in list_auto() if one in installed):
            if name not in (self._config.providers or installed):
                return
            yield Combination(name, "fp32", usable_cores(), self.batch)

    def _list_engines(self) -> Iterator[tuple[str, str]]:
        installed = list_installed()
        asked = self._config.providers
        for name in asked or installed:
            if name not in installed:
                how = load_provider(name).how_to_install()
                self.left_out.append(LeftOut(what=name, why=f"is not installed: {how}"))
                continue
            probe = probe_provider(name)
            if probe.failure is not None:
                self.left_out.append(LeftOut(what=name, why=f"does not load: {probe.failure}"))
                continue
            has = probe.precisions
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
        over = self._left_s <= 0 or (not is_engine and self._clock.tries_are_over)
        if self._stop.is_requested or over:
            why = "not tried: stopped" if self._stop.is_requested else "not tried: no time was left"
            self.left_out.append(LeftOut(what=what, why=why))
            self._untried.add(combination)
            return
        try:
            with self._open(combination, self._left_s) as model:
                found = model.compute()
                measured = model.measure(runs=MANY_RUNS, seconds=_TRY_S, warm_up=2)
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
                memory_bytes=measured.peak_rss_bytes,
                first_start_s=start_s,
                check=check,
            )
        )

    @property
    def _left_s(self) -> float:
        """The time left for tries: what was tried has to be opened once more, to be compared."""
        return self._clock.left_s - sum(row.first_start_s for row in self.rows)

    def _open(self, combination: Combination, limit_s: float) -> TimedModel:
        return TimedModel(
            TimingSpec(
                model=str(self._config.model),
                provider=combination.provider,
                precision=combination.precision,
                threads=combination.threads,
                batch=combination.batch,
                images=self._pictures,
            ),
            open_limit_s=min(OPEN_LIMIT_S, max(_LEAST_OPEN_S, limit_s)),
            variables=self._variables,
        )

    def _choose_compared(self) -> list[Row]:
        """Return what may be the best: each engine with all threads and at its best, and batches.

        All threads are always among them: over many images they run as many images at once.
        """
        default = self.find_default()
        single = [row for row in self.rows if row.combination.batch == self.batch]
        single.sort(key=lambda row: row.p50_ms)
        most = max((row.combination.threads for row in single), default=0)
        fastest: dict[str, Row] = {}
        near: list[Row] = []
        for row in single:
            own = fastest.setdefault(row.combination.engine, row)
            if own is not row and row.p50_ms <= own.p50_ms * _NEAR:
                near.append(row)
        widest = [row for row in single if row.combination.threads == most]
        larger = [row for row in self.rows if row.combination.batch != self.batch]
        chosen = [*([default] if default else []), *widest, *fastest.values(), *larger, *near]
        return [row for at, row in enumerate(chosen) if row not in chosen[:at]][:_MOST_COMPARED]

    def _compare(self) -> None:
        """Time the best in turn, and put what that gives in place of the single tries."""
        chosen = self._choose_compared()
        if self._stop.is_requested or not chosen:
            return
        with contextlib.ExitStack() as stack:
            try:
                models = [
                    stack.enter_context(self._open(row.combination, _AGAIN * row.first_start_s))
                    for row in chosen
                ]
                turns = take_turns(
                    models,
                    rounds=self._config.rounds,
                    left_s=self._clock.left_s,
                    on_event=self._on_event,
                    stop=self._stop,
                )
            except YolokitError as error:
                self._on_event(Notice(f"the comparison ended early: {error}"))
                return
        if not turns[0].rates:
            return
        self.is_complete = not self._stop.is_requested
        default = self.find_default()
        usual = next((own for row, own in zip(chosen, turns, strict=True) if row is default), None)
        for row, own in zip(chosen, turns, strict=True):
            self.rows[self.rows.index(row)] = settle(row, own, usual)
