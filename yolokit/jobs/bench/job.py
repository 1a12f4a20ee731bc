"""The bench job: how fast a model is here, with what, and whether its results are right."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import Event, Notice, OnEvent, ignore
from yolokit.core.plural import counted
from yolokit.core.units import describe_seconds
from yolokit.errors import JobCancelledError, YolokitError
from yolokit.evaluate.accuracy import load_labelled
from yolokit.evaluate.run import map_classes
from yolokit.files.digest import sha256_file
from yolokit.jobs.bench.choice import choose_best, list_compared, list_unproved, prove_on_data
from yolokit.jobs.bench.proof import Reference, choose_pictures
from yolokit.jobs.bench.record import BenchReport
from yolokit.jobs.bench.search import Search
from yolokit.jobs.bench.stages import time_stages
from yolokit.runtime.predict import open_sources
from yolokit.runtime.profiles import Profile, describe_machine, keep_profile
from yolokit.runtime.run_ahead import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yolokit.jobs.bench.config import BenchConfig
    from yolokit.jobs.bench.record import Combination, Row, StageRow

_BUSY = 0.3  # less is what a desktop does by itself
_SHARE_OF_STAGES = 0.25  # of the budget, where there are sources


def bench_model(
    config: BenchConfig,
    on_event: OnEvent = ignore,
    *,
    listen: Callable[[Callable[[], None]], AbstractContextManager[object]] = nullcontext,
) -> BenchReport:
    """Time a model in all ways that make sense here, and keep the best for ``predict``.

    Args:
        config: Made by :meth:`BenchConfig.build`.
        on_event: Told how long it may take, and how far it has come.
        listen: Gets a function that ends the bench early, and returns a context in which it may
            be called, by a signal handler for example.

    Returns:
        What was found. A bench that is stopped early returns what it has by then, and keeps no
        profile.

    Raises:
        InferenceError: The model cannot be loaded, or fails on the CPU.
        DataError: A source or the data set cannot be read.
        ConfigError: The classes of the data set are not those of the model.
        MissingDependencyError: onnxruntime is not installed.
    """
    start_s, stop = time.perf_counter(), Stop()
    model = Path(config.model)
    sources = open_sources(config.source)
    pictures = choose_pictures(sources)
    reference = Reference(model, pictures)
    sha256 = sha256_file(model)
    labelled = _check_data(config, reference)
    on_event(Notice(_announce(config, labelled)))
    load = _read_load()
    if load > _BUSY:
        busy = f"other work keeps {load:.0%} of this machine's cores busy"
        on_event(Notice(f"note: {busy}; measure again once it is idle"))
    with tempfile.TemporaryDirectory(prefix="yolokit-bench-") as folder, listen(stop.request):
        scratch = Path(folder)
        share = 1 - _SHARE_OF_STAGES if sources else 1
        search = Search(
            config, reference, pictures, scratch / "home", share * config.budget_s, on_event, stop
        )
        search.run()
        report = BenchReport(
            model=str(model),
            sha256=sha256,
            machine=describe_machine(),
            input_wh=reference.detector.manifest.io.input_wh,
            pictures=len(pictures),
            left_out=tuple(search.left_out),
        )
        report = _conclude(config, search, report, scratch, on_event, stop)
    return msgspec.structs.replace(report, seconds=time.perf_counter() - start_s)


def _read_load() -> float:
    """Return the share of all cores that was busy in the last minute; 0 where it is not told."""
    if not hasattr(os, "getloadavg"):  # Windows
        return 0.0
    return min(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _check_data(config: BenchConfig, reference: Reference) -> int:
    """Return how many labelled images there are; what is wrong with them is told before it begins.

    Raises:
        DataError: The data set is wrong.
        ConfigError: Its classes are not those of the model.
    """
    if config.data is None:
        return 0
    labelled = load_labelled(Path(config.data), "val")
    map_classes(reference.detector.names, labelled.data.names)
    return len(labelled.images)


def _announce(config: BenchConfig, labelled: int) -> str:
    more = ""
    if labelled:
        more = f", and then measuring mAP on {counted(labelled, 'image')} its own time (--data)"
    return (
        f"timing {Path(config.model).name} takes up to {describe_seconds(config.budget_s)} "
        f"(--budget){more}; Ctrl-C keeps what is done"
    )


def _conclude(
    config: BenchConfig,
    search: Search,
    report: BenchReport,
    scratch: Path,
    on_event: OnEvent,
    stop: Stop,
) -> BenchReport:
    """Choose the best of what was timed, prove it, time the stages with it, and keep it."""
    rows = search.rows
    if search.is_complete and not stop.is_requested:
        unproved = list_unproved(list_compared(rows, search.batch))
        with contextlib.suppress(JobCancelledError):  # the report is marked as partial below
            prove_on_data(config, rows, unproved, _until_stopped(on_event, stop))
    default, compared = search.find_default(), list_compared(rows, search.batch)
    # One that is slower than what predict takes by itself is not to be kept for it.
    is_known = search.is_complete and not search.default_is_untried
    best = choose_best(compared, default) if is_known else None
    faster = next(iter(list_unproved(compared)), None)
    report = msgspec.structs.replace(
        report,
        rows=tuple(rows),
        default=default.combination if default else None,
        best=best.combination if best else None,
        faster=faster.combination if faster else None,
        default_is_untried=search.default_is_untried,
        is_partial=stop.is_requested,
    )
    if best is None or stop.is_requested:
        return report
    if config.source:
        chosen = list(dict.fromkeys(row.combination for row in (default, best) if row is not None))
        stages = _try_stages(config, chosen, scratch, on_event, stop)
        report = msgspec.structs.replace(report, stages=stages, is_partial=stop.is_requested)
    if stop.is_requested:
        return report
    profile = keep_profile(_make_profile(report, best, default), on_event)
    return msgspec.structs.replace(report, profile=str(profile) if profile else None)


def _until_stopped(on_event: OnEvent, stop: Stop) -> OnEvent:
    """Return what tells events until a stop is requested, and then ends what tells them."""

    def tell(event: Event) -> None:
        if stop.is_requested:
            raise JobCancelledError("stopped")
        on_event(event)

    return tell


def _try_stages(
    config: BenchConfig,
    chosen: Sequence[Combination],
    scratch: Path,
    on_event: OnEvent,
    stop: Stop,
) -> tuple[StageRow, ...]:
    """Time the stages of ``predict``; a failure there takes nothing from what was found before."""
    try:
        return time_stages(
            str(config.model),
            config.source,
            chosen,
            seconds=_SHARE_OF_STAGES * config.budget_s,
            scratch=scratch,
            on_event=on_event,
            stop=stop,
        )
    except YolokitError as error:
        on_event(Notice(f"the stages of predict were not timed: {error}"))
        return ()


def _make_profile(report: BenchReport, best: Row, default: Row | None) -> Profile:
    batch = best.combination.batch
    return Profile(
        model=str(Path(report.model).resolve()),
        sha256=report.sha256,
        machine=report.machine,
        provider=best.combination.provider,
        precision=best.combination.precision,
        threads=best.combination.threads,
        p50_ms=best.p50_ms / batch,
        default_p50_ms=(best if default is None else default).p50_ms / batch,
        proof=_state_proof(best),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _state_proof(best: Row) -> str:
    if best.map_drop is None:
        return "its outputs equal those of onnxruntime on the CPU in FP32"
    drop = best.map_drop
    return (
        f"mAP50-95 {drop.map50_95:.4f} against {drop.reference:.4f} of FP32 on the CPU, "
        f"on {counted(drop.images, 'image')}"
    )
