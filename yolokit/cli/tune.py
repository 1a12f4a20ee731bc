"""``yolokit tune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from yolokit.cli.command import json_option

if TYPE_CHECKING:
    from yolokit.jobs.tune.config import TuneConfig
    from yolokit.jobs.tune.job import TuneResult


def tune(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML with these and further options, as for `yolokit train`; the command line "
            "wins.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Set one of the further options, such as mosaic=0.5. Repeatable.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Folder of the search below runs/tune.  [default: that of --data]"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the search, anywhere.")
    ] = None,
    json: Annotated[bool, json_option("Print what was found as one line of JSON.")] = False,
) -> None:
    """Search for better options of a training.

    Trains again and again: first with your own options, then with others. Writes runs/tune/NAME:
    report.html (look at this first), best.yaml (a preset for `yolokit train`), trials.csv, and
    trials/ with a run for each; only the weights of the best one are kept.
    The same command goes on after Ctrl-C or a crash, and shares the work if it runs twice at once.
    """
    from yolokit.cli.output import choose_folder
    from yolokit.cli.train_progress import show_progress
    from yolokit.jobs.tune.config import TuneConfig
    from yolokit.jobs.tune.job import tune_model
    from yolokit.jobs.tune.search import SEARCHES_DIR
    from yolokit.train.config.layers import resolve_options

    folder = choose_folder(name, out, SEARCHES_DIR)
    resolved = resolve_options(ctx.obj, file=config, settings=set_ or [], kind=TuneConfig)
    asked = cast("TuneConfig", resolved.config)
    with show_progress() as on_event:
        result = tune_model(asked, on_event, folder=folder, origins=resolved.origins)
    _print_result(result, as_json=json)


def _print_result(result: TuneResult, *, as_json: bool) -> None:
    import msgspec

    from yolokit.cli.output import emit, emit_json, say
    from yolokit.train.report.advice import show_path

    if as_json:
        emit_json(msgspec.to_builtins(result, enc_hook=str))
        return
    best = result.best
    if best is None or best.score is None:
        emit("no trial is complete")
        return
    own = result.own.score
    beside = "" if own is None or best.number == 1 else f"; your own options: {own:.4f}"
    which = "your own options" if best.number == 1 else f"trial {best.number}"
    emit(f"best: {which}, {result.fitness} {best.score:.4f} (on val){beside}")
    say(f"open: {show_path(result.folder / 'report.html')}")
    say(f"its weights: {show_path(result.weights or '')}")
    emit(f"{result.preset}")
