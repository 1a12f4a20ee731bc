"""Checkpoints of a run, published in one step each, and made whole again after a kill."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from yolokit.engine.ultralytics_patches import load_model
from yolokit.files.atomic import replace_file


def publish_checkpoint(path: Path, out: Path) -> None:
    """Copy a checkpoint to its final name, in one step."""
    with replace_file(out) as part:
        shutil.copyfile(path, part)


def repair_checkpoints(
    run_dir: Path, state: dict[str, Any] | None, epochs: int
) -> dict[str, Any] | None:
    """Repair what a kill interrupted, before a run goes on from its last whole epoch.

    Args:
        run_dir: Folder of the run.
        state: What its ``state.pt`` has.
        epochs: How many it is to have.

    Returns:
        None if there are epochs left to train; else the arguments it was trained with, and its
        checkpoints are stripped.
    """
    last = run_dir / "last.pt"
    model, checkpoint = load_model(str(last))
    is_stripped = "optimizer" not in checkpoint
    if state is None:
        epoch, is_best = checkpoint["epoch"], not is_stripped and _is_best(checkpoint)
    else:
        epoch, is_late = state["epoch"], not _has_weights(model, state["ema"])
        if is_late:  # stripped, too, where a finished run had gone on
            _write_last(last, checkpoint, state)
        is_best = state["is_best"] and (is_late or not is_stripped)
    if is_best:
        # The kill may have come between the names that this epoch was to get.
        publish_checkpoint(last, run_dir / "best.pt")
    if epoch + 1 < epochs:
        return None
    strip_all(run_dir)
    return dict(checkpoint["train_args"])


def _has_weights(model: Any, weights: dict[str, Any]) -> bool:
    """Tell whether a model that was read from a checkpoint has these weights, but for rounding."""
    rounded = {
        name: value.half() if value.is_floating_point() else value
        for name, value in weights.items()
    }
    return all(
        torch.equal(value, rounded[name].to(value.dtype))
        for name, value in model.state_dict().items()
    )


def _write_last(path: Path, checkpoint: dict[str, Any], state: dict[str, Any]) -> None:
    """Write the checkpoint of the epoch that a state is of, from that of an epoch before."""
    model = checkpoint.get("ema") or checkpoint["model"]
    model.float().load_state_dict(state["ema"])
    model.half()
    checkpoint["train_metrics"] = {**state["metrics"], "fitness": state["fitness"]}
    kept = {name: state[name] for name in ("epoch", "best_fitness", "updates")}
    with replace_file(path) as part:
        torch.save({**checkpoint, **kept}, part)


def _is_best(checkpoint: dict[str, Any]) -> bool:
    """Tell whether a checkpoint was the best when it was saved; of equal ones, the first was."""
    fitness = checkpoint["train_metrics"]["fitness"]
    first = fitness is None or checkpoint["stopper"]["best_epoch"] == checkpoint["epoch"] + 1
    return bool(first and fitness == checkpoint["best_fitness"])


def strip_all(run_dir: Path) -> None:
    """Strip the checkpoints of a run that is done, each in one step.

    Those under the final names: after a resumption the working folder need not have both.
    """
    work = run_dir / "engine"
    work.mkdir(exist_ok=True)
    for path in (run_dir / "last.pt", run_dir / "best.pt"):
        if path.is_file():
            shutil.copyfile(path, work / path.name)
            strip_checkpoint(work / path.name)
            publish_checkpoint(work / path.name, path)


def strip_checkpoint(path: Path) -> None:
    """Keep in a checkpoint only what a model needs: not the optimizer, nor where it was made."""
    model, checkpoint = load_model(str(path))
    model.half()
    model.criterion = None
    for parameter in model.parameters():
        parameter.requires_grad = False
    train_args = dict(checkpoint.get("train_args", {}))
    for key in ("model", "data", "save_dir", "project", "resume"):
        if isinstance(train_args.get(key), str):
            train_args[key] = Path(train_args[key]).name
    model.args = train_args
    model.pt_path = path.name
    model.yaml["yaml_file"] = Path(str(model.yaml.get("yaml_file", ""))).name
    kept = ("train_metrics", "date", "version", "license", "docs")
    stripped = {key: checkpoint[key] for key in kept if key in checkpoint}
    torch.save({**stripped, "epoch": -1, "model": model, "train_args": train_args}, path)
