"""``yolokit train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from yolokit.train.run import TrainRun


def train(
    data: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Data set: its data.yaml, or its folder."),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH|URL|none",
            help="What to start from: a name that `yolokit weights list` shows (fetched and "
            "verified if it is not here), a file, an address, or none.  [default: none]",
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            metavar="network|backbone|imagenet",
            help="How much of --weights to take; imagenet takes the backbone of the matching "
            "classifier and needs no --weights.  [default: all that fits]",
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="torchvision:NAME", help="Another backbone, under the neck and head of --arch."
        ),
    ] = None,
    arch: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|YAML|CFG",
            help="Architecture, where the weights do not bring one.  [default: yolo26n]",
        ),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option(
            metavar="backbone|neck|N",
            help="Do not train the backbone, all up to the neck, or the first N layers.",
        ),
    ] = None,
    trust: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Load this one file even if that runs code stored in it."
        ),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Open no connection.")] = False,
    require_hash: Annotated[
        bool,
        typer.Option("--require-hash", help="Refuse weights whose sha256 is not known beforehand."),
    ] = False,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Passes over the data.  [default: 100]")
    ] = None,
    imgsz: Annotated[
        int | None, typer.Option(metavar="PX", help="Side of the input.  [default: 640]")
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(metavar="auto|N", help="Images per step; auto measures a GPU's memory."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(metavar="auto|cpu|0|0,1", help="Where to train; auto takes a GPU if any."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of everything random.  [default: 0]")
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE",
            help="Train despite this finding of the data set's check. Repeatable.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="YAML with these and further options (lr0, mosaic, cos_lr, ...); "
            "the command line wins.",
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
    json: Annotated[
        bool, typer.Option("--json", help="Print the run's record as one line of JSON.")
    ] = False,
) -> None:
    """Fine-tune a detector on a YOLO data set.

    Writes runs/train/NAME: best.pt, last.pt, run.json, curves.png and train.log.
    Ctrl-C stops cleanly; --resume continues a run, if needed with another --batch, --imgsz or
    --device, or with --data where the data set has moved.
    """
    from yolokit.cli.output import choose_folder
    from yolokit.cli.train_progress import show_progress
    from yolokit.train.run import check_config, resume_training, train_model
    from yolokit.train.run_folder import RUNS_DIR

    given = {
        "data": data, "weights": weights, "init": init, "backbone": backbone, "arch": arch,
        "freeze": _number_or_word(freeze), "trust": trust, "offline": offline or None,
        "require_hash": require_hash or None, "epochs": epochs, "imgsz": imgsz,
        "batch": _number_or_word(batch), "device": device, "seed": seed,
        "allow": tuple(allow) if allow else None,
    }  # fmt: skip
    given = {key: value for key, value in given.items() if value is not None}
    folder = choose_folder(name, out, RUNS_DIR)
    if resume:
        _refuse_on_resume(given, config, folder)
        assert folder is not None
        with show_progress() as on_event:
            run = resume_training(folder, given, on_event=on_event)
    else:
        checked = check_config(_read_config(config) | given)
        with show_progress() as on_event:
            run = train_model(checked, folder, on_event=on_event)
    _print_run(run, as_json=json)


def explain_unknown_option(option: str) -> str | None:
    """Return what to use in place of an option that this command does not have, if anything is."""
    from yolokit.train.config import TrainConfig
    from yolokit.train.other_words import OTHER_WORDS

    name = option.lstrip("-").replace("-", "_")
    if name in TrainConfig.__struct_fields__:
        return f"{name} has no option of its own: write it into a YAML file, for --config"
    return f"{name} {OTHER_WORDS[name]}" if name in OTHER_WORDS else None


def _number_or_word(text: str | None) -> int | str | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        return text


def _read_config(config: Path | None) -> dict[str, Any]:
    from yolokit.core.config import read_yaml_mapping

    return read_yaml_mapping(config) if config is not None else {}


def _refuse_on_resume(given: dict[str, Any], config: Path | None, folder: Path | None) -> None:
    from yolokit.train.resume import CHANGEABLE

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
            f"mAP50 {best.metrics['mAP50']:.4f} (in torch, on val)"
        )
    emit(f"{run.best}")
