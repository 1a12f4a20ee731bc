"""The options of ``yolokit train`` as the engine takes them: upstream's names, and our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.datasets.check import UNUSABLE
from yolokit.engine_protocol.own_settings import OwnSettings

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.train.config import TrainConfig

# Ours -> upstream's, where the two differ.
_UPSTREAM_NAMES = {"validate": "val", "class_weights": "cls_pw"}
# Resolved by yolokit, not handed on under these names.
_OURS = {
    "data", "allow", "weights", "init", "backbone", "arch", "trust", "offline", "require_hash",
    "add_classes", "freeze", "device", "nnodes", "rdzv", "batch", "workers", "precision", "cache",
    "lr", "schedule", "momentum", "log", "log_project", "mlflow_uri", "wandb_online", "watch",
    "preset", "box_loss", "dropout", "repeat_factor", "fitness", "folds", "fold_group",
}  # fmt: skip


def to_upstream(config: TrainConfig) -> dict[str, Any]:
    """Return the settings under upstream's names, without those that yolokit resolves itself."""
    plain = {
        _UPSTREAM_NAMES.get(name, name): value
        for name, value in msgspec.structs.asdict(config).items()
        if name not in _OURS
    }
    if config.lr != "auto":
        plain["lr0"] = config.lr
    if config.momentum is not None:
        plain["momentum"] = config.momentum
    plain["cos_lr"] = config.schedule == "cosine"
    if config.schedule == "one-cycle":
        plain["warmup_epochs"] = 0.0  # it has a warm-up of its own
    plain["cache"] = False if config.cache == "none" else config.cache
    plain["batch"] = -1 if config.batch == "auto" else config.batch
    # True leaves the choice to the engine, which knows the device.
    plain["amp"] = True if config.precision == "auto" else config.precision
    plain["workers"] = config.workers
    plain["device"] = config.device
    return plain


def to_own_settings(config: TrainConfig, run_dir: Path, lineage: str = "{}") -> OwnSettings:
    """Return what our trainer needs beyond upstream's settings."""
    return OwnSettings(
        run_dir=str(run_dir),
        lineage=lineage,
        leave_out=UNUSABLE in config.allow,
        watch=config.watch,
        machines=config.nnodes,
        rdzv=config.rdzv or "",
        box_loss=config.box_loss,
        dropout=config.dropout,
        repeat_factor=config.repeat_factor,
        fitness=config.fitness,
        lr=None if config.lr == "auto" else config.lr,
        schedule=config.schedule,
    )
