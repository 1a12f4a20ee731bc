"""``yolokit train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yolokit.cli.command import json_option
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from yolokit.train.run import TrainRun


def train(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML with these and further options (lr0, mosaic, ...), which `yolokit help "
            "train` lists; the command line wins.",
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
    from yolokit.cli.output import choose_folder
    from yolokit.train.run_folder import RUNS_DIR

    folder = choose_folder(name, out, RUNS_DIR)
    run = (_resume if resume else _begin)(ctx.obj, config, folder)
    _print_run(run, as_json=json)


def _begin(given: dict[str, Any], config: Path | None, folder: Path | None) -> TrainRun:
    from yolokit.cli.train_progress import show_progress
    from yolokit.core.config import read_yaml_mapping
    from yolokit.train.config import TrainConfig
    from yolokit.train.run import train_model

    stated = read_yaml_mapping(config) if config is not None else {}
    checked = TrainConfig.build(stated | given)
    with show_progress() as on_event:
        return train_model(checked, on_event, folder=folder)


def _resume(given: dict[str, Any], config: Path | None, folder: Path | None) -> TrainRun:
    from yolokit.cli.train_progress import show_progress
    from yolokit.train.resume import CHANGEABLE
    from yolokit.train.run import resume_training

    fixed = [key for key in given if key not in CHANGEABLE] + ["config"] * (config is not None)
    problems = [
        f"--{key.replace('_', '-')}: a resumed run keeps what it began with" for key in fixed
    ]
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
        return resume_training(folder, given, on_event=on_event)


def _print_run(run: TrainRun, *, as_json: bool) -> None:
    from yolokit.cli.output import emit, emit_json
    from yolokit.train.record import to_plain

    if as_json:
        emit_json({"folder": str(run.folder), **to_plain(run.record)})
        return
    best = run.record.best
    if not run.record.data.boxes["val"]:
        emit("nothing was measured: val has no box")
    elif best is not None:
        which = f"best epoch {best.epoch}" if best.metrics["mAP50-95"] else "last epoch"
        emit(
            f"{which if best.epoch else 'the start'}: mAP50-95 {best.metrics['mAP50-95']:.4f}, "
            f"mAP50 {best.metrics['mAP50']:.4f} (on val)"
        )
    emit(f"{run.best}")
