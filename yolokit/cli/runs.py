"""``yolokit runs ...``: the training runs that are there, one of them, or two side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import Command, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.runs.compare import Comparison, Pair
    from yolokit.jobs.runs.listing import RunEntry

app = typer.Typer(
    name="runs",
    help="List, show and compare training runs; trace a model back.",
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_NAME = "A run below runs/train, or the path of its folder."
RunName = Annotated[str, typer.Argument(metavar="NAME|DIR", help=_NAME)]


@app.command("list", cls=Command)
def list_(
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the runs are.  [default: runs/train]"),
    ] = None,
    json: Annotated[bool, json_option("Print each run as one line of JSON.")] = False,
) -> None:
    """List the training runs, the latest last.

    mAP50-95 is that of best.pt on val, whatever chose it; before is that of the start on the same
    images, or none if it did not know the classes. Of folds it is the mean, with the standard
    deviation; `yolokit runs show NAME/fold-1` shows one of them. What is damaged or not a run is
    listed as such.
    """
    import msgspec

    from yolokit.cli.output import emit, emit_json, say
    from yolokit.jobs.runs.listing import list_runs
    from yolokit.train.run_folder import RUNS_DIR

    parent = out or RUNS_DIR
    entries = list_runs(parent)
    if json:
        for entry in entries:
            emit_json(msgspec.to_builtins(entry))
    elif entries:
        emit(_tabulate_runs(entries))
        for entry in entries:
            if entry.problem is not None and entry.state in ("failed", "unreadable"):
                say(f"{entry.name}: {entry.problem}")
    else:
        say(f"there are no runs in {parent}")


@app.command(cls=Command)
def show(
    name: RunName,
    report: Annotated[
        bool, typer.Option("--report", help="Draw its report.html anew, from its folder alone.")
    ] = False,
    json: Annotated[bool, json_option("Print all that is known as one line of JSON.")] = False,
) -> None:
    """Say what came of a training run, and what to do next."""
    from yolokit.cli.folds import describe_folds
    from yolokit.cli.output import emit, emit_json
    from yolokit.cli.runs_show import describe_run
    from yolokit.jobs.runs.job import ShownFolds, show_run

    shown = show_run(name, draw=report)
    if json:
        import msgspec

        emit_json(msgspec.to_builtins(shown, enc_hook=str))
    elif isinstance(shown, ShownFolds):
        emit(describe_folds(shown))
    else:
        emit(describe_run(shown))


@app.command(cls=Command)
def compare(
    a: RunName,
    b: RunName,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with both curves, as HTML.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier page of --report.")
    ] = False,
    json: Annotated[bool, json_option("Print the comparison as one line of JSON.")] = False,
) -> None:
    """Compare two training runs: what differed, and which is better.

    Folds are compared with folds. Where both were validated on the same images, these are drawn
    anew a thousand times to tell whether the choice of images can explain the difference.
    """
    from yolokit.cli.output import emit, emit_json, say
    from yolokit.jobs.runs.job import compare_named

    comparison = compare_named(a, b, report=report, overwrite=overwrite)
    if json:
        import msgspec

        emit_json(msgspec.to_builtins(comparison))
    else:
        emit(_describe_comparison(comparison))
    if report is not None:
        say(f"open: {report}")


@app.command(cls=Command)
def lineage(
    path: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="A .onnx or .pt file, or a run's folder.")
    ],
    json: Annotated[bool, json_option("Print each link as one line of JSON.")] = False,
) -> int:
    """Trace a model back to its run, data and first weights.

    Shown are the export with its proof and evaluations, the checkpoint, the run that saved it with
    its data, and what that began with, link by link.

    Every hash that is stated is compared with the file that is there. The exit code is 1 if one
    does not match; a chain that is broken, since a file is not here any more, is printed as such.
    """
    from yolokit.cli.output import emit, emit_json
    from yolokit.cli.progress import show_events
    from yolokit.cli.runs_lineage import describe_lineage
    from yolokit.jobs.runs.lineage import trace_lineage

    with show_events() as on_event:
        links = trace_lineage(path, on_event)
    if json:
        import msgspec

        for link in links:
            emit_json(msgspec.to_builtins(link))
    else:
        emit(describe_lineage(links))
    return int(any(link.faults for link in links))


_COLUMNS = (
    "name", "data", "start", "epochs", "mAP50-95", "before", "state", "time", "started",
)  # fmt: skip
_AFTER_SCORES = _COLUMNS.index("state")


def _tabulate_runs(entries: Sequence[RunEntry]) -> str:
    """Return the table of runs; where another metric chose a best.pt, a column tells of each."""
    from yolokit.cli.output import table
    from yolokit.metrics.fitness import MAP50_95

    columns: tuple[str, ...] = _COLUMNS
    rows = [_cells(entry) for entry in entries]
    if any(entry.fitness not in (None, MAP50_95) for entry in entries):
        chosen = ("chosen by", *map(_describe_choice, entries))
        columns, *rows = [
            (*row[:_AFTER_SCORES], cell, *row[_AFTER_SCORES:])
            for row, cell in zip([columns, *rows], chosen, strict=True)
        ]
    return table(columns, rows)


def _describe_choice(entry: RunEntry) -> str:
    return f"{entry.fitness} {_score(entry.score)}" if entry.fitness else "-"


def _cells(entry: RunEntry) -> tuple[str, ...]:
    from yolokit.core.units import describe_seconds

    epochs = "-" if entry.epochs is None else f"{entry.epochs} of {entry.planned}"
    return (
        entry.name if entry.folds is None else f"{entry.name} ({entry.folds} folds)",
        _last_parts(entry.data),
        _last_parts(entry.start),
        epochs,
        _score(entry.best) + ("" if entry.spread is None else f" ± {entry.spread:.3f}"),
        _score(entry.before),
        entry.state,
        "-" if entry.seconds is None else describe_seconds(entry.seconds),
        "-" if entry.started is None else entry.started[:16].replace("T", " "),
    )


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _last_parts(path: str | None) -> str:
    """Return the last two parts of a path, which tell files in a table apart."""
    return "-" if path is None else "/".join(path.replace("\\", "/").split("/")[-2:])


def _describe_comparison(comparison: Comparison) -> str:
    names = (comparison.a, comparison.b)
    parts = [
        _tabulate("mean of folds" if comparison.are_folds else "on val", comparison.metrics, names)
    ]
    for title, pairs in (
        ("class, mAP50-95", comparison.classes),
        ("option", comparison.options),
        ("data, software", comparison.data),
    ):
        if pairs:
            parts.append(_tabulate(title, pairs, names))
    return "\n\n".join([*parts, f"{comparison.headline}: {comparison.reason}"])


def _tabulate(title: str, pairs: Sequence[Pair], names: tuple[str, str]) -> str:
    from yolokit.cli.output import table
    from yolokit.jobs.runs.compare_page import show_value

    rows = [(pair.name, show_value(pair.a), show_value(pair.b)) for pair in pairs]
    return table((title, *names), rows)
