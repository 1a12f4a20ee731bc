"""``state.pt``: all that a run needs to go on as if it had never stopped, bit for bit.

Upstream's ``last.pt`` has rounded weights, of the average over steps alone, and a rounded
optimizer. This file is the commit point of an epoch: what else a kill left behind is made anew
from it. It holds tensors and plain values alone, and is read with weights only.
"""

from __future__ import annotations

import pickle
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from yolokit.engine.seeding import list_recent, load_recent
from yolokit.engine_protocol.requests import STATE_FILE
from yolokit.errors import TrainError
from yolokit.files.atomic import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import ModelEMA, unwrap_model  # isort: skip - after our edits

_VERSION = 1
_KEYS = frozenset(
    {
        *("version", "epoch", "event", "model", "ema", "updates", "optimizer", "scaler"),
        *("best_fitness", "fitness", "is_best", "metrics", "stopper", "random", "recent", "hooks"),
    }
)


def write_state(trainer: YolokitTrainer, event: str | None) -> None:
    """Write the state after ``trainer.epoch`` in one step.

    Args:
        trainer: It has just validated.
        event: The epoch's event as JSON, for a parent that was killed before it came; None for
            the start.
    """
    state = {
        "version": _VERSION,
        "epoch": trainer.epoch,
        "event": event,
        "model": unwrap_model(trainer.model).state_dict(),
        "ema": trainer.ema.ema.state_dict(),
        "updates": trainer.ema.updates,
        "optimizer": trainer.optimizer.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "best_fitness": _plain(trainer.best_fitness),
        "fitness": _plain(trainer.fitness),
        "is_best": trainer.is_best,
        "metrics": {name: float(value) for name, value in trainer.metrics.items()},
        "stopper": {name: _plain(value) for name, value in vars(trainer.stopper).items()},
        "random": _read_generators(),
        "recent": list_recent(trainer.train_loader.dataset),
        "hooks": {type(hook).__name__: hook.state_dict() for hook in trainer.hooks},
    }
    with replace_file(trainer.run_dir / STATE_FILE) as part:
        torch.save(state, part)


def read_state(run_dir: Path) -> dict[str, Any] | None:
    """Return the state of a run; None if it has none, as those of earlier versions.

    Raises:
        TrainError: It cannot be read.
    """
    path = run_dir / STATE_FILE
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainError(f"{path} cannot be read: {error.strerror}") from error
    # Whatever torch says of it advises to read the file with all that it would run.
    except (pickle.UnpicklingError, RuntimeError, ValueError, LookupError, EOFError) as error:
        raise _make_damaged(path) from error
    if not isinstance(state, dict) or not isinstance(state.get("version"), int):
        raise _make_damaged(path)
    if state["version"] > _VERSION:
        raise TrainError(f"{path} was written by a later version of yolokit")
    if not state.keys() >= _KEYS or not isinstance(state["epoch"], int) or state["epoch"] < -1:
        raise _make_damaged(path)
    return state


def _make_damaged(path: Path) -> TrainError:
    best = path.with_name("best.pt")
    return TrainError(
        f"{path} is damaged, or not what yolokit wrote there: nothing can go on from it",
        hint=f"start a new run with --weights {best}; or move {path.name} away: an interrupted run "
        "then goes on from last.pt, with rounded weights",
    )


def restore_state(trainer: YolokitTrainer, state: dict[str, Any]) -> None:
    """Bring a trainer that is set up to where the state was written."""
    device = trainer.device
    unwrap_model(trainer.model).load_state_dict(state["model"])
    for saved, group in zip(
        state["optimizer"]["param_groups"], trainer.optimizer.param_groups, strict=True
    ):
        saved["fused"] = group.get("fused")  # the device, not the file, picks the kernel
    trainer.optimizer.load_state_dict(state["optimizer"])
    if state["scaler"]:
        trainer.scaler.load_state_dict(state["scaler"])
    if trainer.ema:
        trainer.ema = ModelEMA(trainer.model)  # the one that validated cannot be changed any more
        trainer.ema.ema.load_state_dict(state["ema"])
        trainer.ema.ema.to(device)
        trainer.ema.updates = state["updates"]
    trainer.best_fitness, trainer.fitness = state["best_fitness"], state["fitness"]
    patience = trainer.stopper.patience
    trainer.stopper.__dict__.update(state["stopper"])
    trainer.stopper.patience = patience  # which may be another than when the run began
    if trainer.own.patience_anew:
        trainer.stopper.best_epoch, trainer.stopper.possible_stop = state["epoch"] + 1, False
    _write_generators(state["random"])
    load_recent(trainer.train_loader.dataset, state["recent"])
    for hook in trainer.hooks:
        if type(hook).__name__ in state["hooks"]:
            hook.load_state_dict(state["hooks"][type(hook).__name__])


def _plain(value: Any) -> Any:
    """Return numpy's numbers as Python's, which can be read with weights only."""
    return value.item() if isinstance(value, np.generic) else value


def _read_generators() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 - upstream draws from this one
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(np.array(keys, np.int64)), *map(_plain, rest)],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _write_generators(state: dict[str, Any]) -> None:
    version, values, gauss = state["python"]
    random.setstate((version, tuple(values), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if len(state["cuda"]) == (torch.cuda.device_count() if torch.cuda.is_available() else 0):
        torch.cuda.set_rng_state_all(state["cuda"])
