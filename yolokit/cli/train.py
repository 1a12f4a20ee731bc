"""``yolokit train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yolokit.cli.command import json_option
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from yolokit.train.folds.job import FoldsRun
    from yolokit.train.run import TrainRun


def train(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML with these and further options (mosaic, patience, ...), which `yolokit help "
            "train` lists; the command line wins.",
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
            metavar="NAME", help="Folder of the run below runs/train.  [default: that of --data]"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run, anywhere.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run that --name or --out names.")
    ] = False,
    json: Annotated[bool, json_option("Print the run's record as one line of JSON.")] = False,
) -> None:
    """Fine-tune a detector on a YOLO data set.

    Writes runs/train/NAME: best.pt, last.pt, report.html (look at this first), run.json,
    curves.png and train.log. It ends with a verdict; `yolokit runs` lists and compares runs.
    Ctrl-C stops cleanly; --resume continues a run, if needed with another --batch, --imgsz or
    --device, or with --data where the data set has moved.
    """
    from yolokit.cli.folds import print_folds
    from yolokit.cli.output import choose_folder
    from yolokit.train.folds.job import FoldsRun
    from yolokit.train.run_folder import RUNS_DIR

    folder = choose_folder(name, out, RUNS_DIR)
    begin = _resume if resume else _begin
    run = begin(ctx.obj, config, set_ or [], folder)
    if run is None:  # another machine has it
        return
    if isinstance(run, FoldsRun):
        print_folds(run, as_json=json)
    else:
        _print_run(run, as_json=json)


def _begin(
    given: dict[str, Any], config: Path | None, settings: list[str], folder: Path | None
) -> TrainRun | FoldsRun | None:
    from yolokit.cli.train_progress import show_progress
    from yolokit.train.config.layers import resolve_options
    from yolokit.train.folds.job import train_folds
    from yolokit.train.machines import join_training, leads
    from yolokit.train.run import train_model

    if str(given.get("epochs", "")).startswith("+"):
        raise ConfigError(
            f"--epochs {given['epochs']} adds to a run that is resumed",
            hint="add --resume and the run's --name, or give the number of epochs",
        )
    resolved = resolve_options(given, file=config, settings=settings)
    with show_progress() as on_event:
        if resolved.config.folds is not None:
            return train_folds(resolved.config, on_event, folder=folder, origins=resolved.origins)
        if leads(resolved.config):
            return train_model(resolved.config, on_event, folder=folder, origins=resolved.origins)
        join_training(resolved.config, on_event)
    return None


def _resume(
    given: dict[str, Any], config: Path | None, settings: list[str], folder: Path | None
) -> TrainRun | FoldsRun | None:
    from yolokit.cli.train_progress import show_progress
    from yolokit.train.config.layers import read_settings
    from yolokit.train.folds.record import has_folds
    from yolokit.train.folds.resume import resume_folds
    from yolokit.train.machines import join_resumed, leads, read_joined
    from yolokit.train.resume import CHANGEABLE, explain_fixed
    from yolokit.train.run import resume_training

    given |= read_settings(settings, given)
    fixed = [key for key in given if key not in CHANGEABLE] + ["config"] * (config is not None)
    problems = [f"--{key.replace('_', '-')}: {explain_fixed(key)}" for key in fixed]
    if problems:
        raise ConfigError(
            "--resume cannot be combined with these options:",
            problems=problems,
            hint=f"{', '.join(f'--{name}' for name in CHANGEABLE)} may be changed",
        )
    if folder is None:
        raise ConfigError(
            "--resume does not know which run to go on with",
            hint="add --name NAME for the run runs/train/NAME, or --out DIR for one elsewhere",
        )
    with show_progress() as on_event:
        if has_folds(folder):
            return resume_folds(folder, given, on_event=on_event)
        if leads(read_joined(folder, given).config):
            return resume_training(folder, given, on_event=on_event)
        join_resumed(folder, given, on_event)
    return None


def _print_run(run: TrainRun, *, as_json: bool) -> None:
    from yolokit.cli.output import emit, emit_json
    from yolokit.metrics.fitness import describe_scores
    from yolokit.train.record import to_plain

    if as_json:
        emit_json({"folder": str(run.folder), **to_plain(run.record)})
        return
    best = run.record.best
    if not run.record.data.boxes["val"]:
        emit("nothing was measured: val has no box")
    elif best is not None:
        fitness = run.record.fitness
        which = f"best epoch {best.epoch}" if best.metrics[fitness] else "last epoch"
        scores = describe_scores(best.metrics, fitness, "mAP50")
        emit(f"{which if best.epoch else 'the start'}: {scores} (on val)")
    emit(f"{run.best}")
