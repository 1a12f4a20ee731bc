"""``yolokit bench``: how fast a model is on this machine, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.core.plural import counted
from yolokit.core.units import describe_change

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.jobs.bench.record import BenchReport, Row, StageRow
    from yolokit.runtime.profiles import Profile

_LISTS = ("providers", "precisions", "threads", "batch")
_COLUMNS = ("", "engine", "threads", "batch", "p50 ms", "p95", "p99", "img/s", "speed", "results")
_STARTS = ("engine", "threads", "first start s", "later s", "memory MB")
_MARK = "*"
_NOTHING_TIMED = 6
_WORDS = {"equal": "equal", "close": "close", "differs": "differ", "wrong": "WRONG"}


def bench(
    ctx: typer.Context,
    show: Annotated[
        bool, typer.Option("--show", help="Show what was found best here before; times nothing.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget it: predict goes by itself again.")
    ] = False,
) -> int:
    """Find what runs a model best here, for predict to take up.

    Tries every provider, precision, thread count and batch that loads here, each in a process of
    its own, and compares the best in turn. A way of running it whose results are not those of
    onnxruntime on the CPU is never recommended; a lower precision only if --data proves that it
    costs next to no accuracy. The best becomes the profile of this machine, which `yolokit predict`
    takes where neither provider nor precision nor threads are given.
    """
    from yolokit.cli.output import emit_json
    from yolokit.cli.progress import show_events
    from yolokit.cli.signals import stopping_softly
    from yolokit.jobs.bench.config import BenchConfig
    from yolokit.jobs.bench.job import bench_model

    given = dict(ctx.obj)
    for name in _LISTS:
        if name in given:
            given[name] = [one for text in given[name] for one in str(text).split(",") if one]
    config = BenchConfig.build(given)
    if show or forget:
        from pathlib import Path

        return (_forget if forget else _show)(Path(config.model), as_json=config.report_only)
    with show_events() as on_event:
        report = bench_model(config, on_event, listen=stopping_softly)
    if config.report_only:
        import msgspec

        emit_json(msgspec.to_builtins(report))
    else:
        _print_report(report)
    if report.is_partial:
        raise KeyboardInterrupt
    return 0 if report.rows else _NOTHING_TIMED


def _print_report(report: BenchReport) -> None:
    from yolokit.cli.output import emit, say, table
    from yolokit.core.units import describe_seconds

    machine = report.machine
    width, height = report.input_wh
    say(f"{machine.cpu}, {counted(machine.cores, 'core')}; an input of {width}x{height} px")
    compared = [row for row in report.rows if row.rounds]
    shown = compared or list(report.rows)
    if shown:
        emit(table(_COLUMNS, [_show_row(row, report) for row in shown]))
        say(_explain_columns(report))
        emit("")
        least = min(row.combination.batch for row in shown)
        starts = [row for row in shown if row.combination.batch == least]
        emit(table(_STARTS, [_show_start(row) for row in starts]))
    if report.stages:
        emit("")
        emit(_show_stages(report.stages))
    _say_rest(report, compared)
    say(f"took {describe_seconds(report.seconds)}")
    _say_outcome(report)


def _explain_columns(report: BenchReport) -> str:
    lines = [
        "ms: a run, one after another; img/s: over many images, as predict does it",
        "results: beside onnxruntime on the CPU in FP32",
    ]
    if report.default is not None:
        lines.insert(1, f"speed: img/s beside {report.default}, which predict takes by itself")
    return "\n".join(lines)


def _show_row(row: Row, report: BenchReport) -> tuple[object, ...]:
    one = row.combination
    is_best = one == report.best
    return (
        _MARK if is_best else "",
        one.engine,
        one.threads,
        one.batch,
        f"{row.p50_ms:.1f}",
        f"{row.p95_ms:.1f}",
        f"{row.p99_ms:.1f}",
        "-" if row.images_per_s is None else f"{row.images_per_s:.0f}",
        "-" if row.speedup is None else f"{row.speedup:.2f}x",
        _show_check(row),
    )


def _show_check(row: Row) -> str:
    if row.map_drop is not None:
        return f"mAP {describe_change(-row.map_drop.drop)}"
    return _WORDS[row.check.verdict]


def _show_start(row: Row) -> tuple[object, ...]:
    memory = row.memory_bytes
    return (
        row.combination.engine,
        row.combination.threads,
        f"{row.first_start_s:.2f}",
        "-" if row.start_s is None else f"{row.start_s:.2f}",
        "-" if memory is None else f"{memory / 1e6:.0f}",
    )


def _show_stages(stages: tuple[StageRow, ...]) -> str:
    from yolokit.cli.output import table

    names = list(stages[0].stages_ms)
    rows = [
        (one.combination.engine, one.combination.threads, f"{one.images_per_s:.1f}",
         *(f"{one.stages_ms[name]:.1f}" for name in names))
        for one in stages
    ]  # fmt: skip
    return table(("predict, ms an image", "threads", "img/s", *names), rows)


def _say_rest(report: BenchReport, compared: list[Row]) -> None:
    """Tell what is not in the table, and why."""
    from yolokit.cli.output import say

    if compared:
        for row in report.rows:
            if row not in compared:
                say(f"slower when tried once: {row.combination}, {row.p50_ms:.1f} ms")
    reasons: dict[str, list[str]] = {}
    for one in report.left_out:
        reasons.setdefault(one.why, []).append(one.what)
    for why, what in reasons.items():
        say(f"left out: {'; '.join(what)}: {why}")
    for row in report.rows:
        if row.check.verdict == "wrong":
            say(f"WRONG: {row.combination}: {row.check.problem}; do not use it for this model")
        elif row.map_drop is not None and not row.map_drop.holds:
            say(
                f"not taken: {row.combination} loses {row.map_drop.drop:.4f} of mAP50-95, more "
                f"than {row.map_drop.max_drop:g}"
            )


def _say_outcome(report: BenchReport) -> None:
    from yolokit.cli.output import say

    rows = {row.combination: row for row in report.rows}
    if report.is_partial:
        say("stopped early: what is shown is done; nothing is kept for predict")
        return
    if report.best is None and report.default_is_untried:
        say(
            "there was no time to try what predict takes by itself, so nothing is kept for it; "
            "a longer --budget has"
        )
    elif report.best is None:
        say("nothing here is proved to give the results of the CPU: nothing is kept for predict")
    else:
        best = rows[report.best]
        default = "what predict takes by itself"
        if report.best == report.default:
            say(f"nothing that is proved is faster than {default}: {best.combination}")
        else:
            times = f"{best.speedup:.2f}x as fast as {default}" if best.speedup else "proved"
            say(f"best: {best.combination}, {best.p50_ms:.1f} ms, {times}")
        if report.profile is not None:
            say(f"predict takes it from now on; kept in {report.profile}")
    if report.faster is not None:
        faster = rows[report.faster]
        against = f" ({faster.speedup:.2f}x)" if faster.speedup else ""
        say(
            f"faster, but in a lower precision: {faster.combination}, {faster.p50_ms:.1f} ms"
            f"{against}; {faster.check.problem}. To have it proved on labelled images, and taken: "
            f"yolokit bench {report.model} --data DATA.yaml"
        )


def _show(model: Path, *, as_json: bool) -> int:
    import msgspec

    from yolokit.cli.output import emit, emit_facts, emit_json, say
    from yolokit.runtime.profiles import Profile, find_profile

    found = find_profile(model)
    if as_json:
        emit_json(msgspec.to_builtins(found))
    elif isinstance(found, Profile):
        emit_facts(_list_facts(found))
    elif found is None:
        say(f"there is no profile of {model} on this machine: `yolokit bench {model}` makes one")
    else:
        emit(f"the profile of {model.name} {found}")
    return 0


def _list_facts(profile: Profile) -> dict[str, object]:
    machine = profile.machine
    engine = f"{profile.provider} in {profile.precision}, {counted(profile.threads, 'thread')}"
    times = f"{profile.p50_ms:.1f} ms an image; {profile.default_p50_ms:.1f} without a profile"
    where = f"{machine.cpu}, {counted(machine.cores, 'core')}, {machine.system}"
    return {
        "model": profile.model,
        "runs best on": engine,
        "it takes": times,
        "proof": profile.proof,
        "machine": where,
        "versions": ", ".join(f"{name} {version}" for name, version in machine.versions.items()),
        "measured": profile.measured_at,
    }


def _forget(model: Path, *, as_json: bool) -> int:
    from yolokit.cli.output import emit, emit_json, say
    from yolokit.runtime.profiles import forget_profile

    gone = forget_profile(model)
    if as_json:
        emit_json({"removed": [str(path) for path in gone]})
    for path in () if as_json else gone:
        emit(f"removed {path}")
    if not gone:
        say(f"there is no profile of {model}")
    return 0
