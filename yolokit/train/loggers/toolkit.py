"""What every logger offers, and what it is given.

A logger runs in the process of the job, never in the engine's. What it has written already it
reads from its own store, so that a resumed run continues the same curves without a gap or a step
twice. Any error may come from it: ``train/run_log.py`` tells it, and training goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.train.record import EpochRecord, RunRecord

Value = str | int | float | bool


class Logger(Protocol):
    """Takes the epochs of one run."""

    @property
    def last_epoch(self) -> int:
        """The last epoch that it has; -1 for none, since 0 is the start."""

    def log_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Write one epoch, so that it is there even if the process is killed."""

    def close(self, record: RunRecord, result: Mapping[str, Value]) -> None:
        """Write how the run ended, as of now: it may be resumed."""


class LoggerPlugin(Protocol):
    """What a module of ``train.loggers`` has.

    Attributes:
        MODULE: What it imports, when it is opened.
        EXTRA: The extra of pyproject.toml that brings it.
    """

    MODULE: str
    EXTRA: str

    def open_logger(self, record: RunRecord, run_dir: Path) -> Logger:
        """Begin, or go on with, the log of a run."""


def name_figures(epoch: EpochRecord) -> dict[str, float]:
    """Return the figures of an epoch by names that trackers show in groups: ``metrics/mAP50``."""
    figures = {f"{_group(name)}/{_spell(name)}": value for name, value in epoch.metrics.items()}
    others = {
        "time/seconds": epoch.seconds,
        "time/wait_s": epoch.wait_s,
        "time/val_s": epoch.val_s,
        "optimizer/steps": epoch.steps,
        "optimizer/retries": epoch.retries if epoch.epoch else None,
    }
    return figures | {name: value for name, value in others.items() if value is not None}


def _spell(name: str) -> str:
    """Return the name of a metric without what MLflow refuses in one: ``recall_at_0.9``."""
    return name.replace("@", "_at_")


def _group(name: str) -> str:
    if name.startswith("learning_rate"):
        return "optimizer"
    return "loss" if name.endswith("_loss") else "metrics"


def list_settings(record: RunRecord) -> dict[str, Value]:
    """Return the options of a run and what it stands on, flat; those without a value left out."""
    options = msgspec.structs.asdict(record.config)
    about: dict[str, Any] = {
        "run": record.id,
        "data_sha256": record.data.sha256,
        "classes": record.data.names,
        "weights_sha256": record.weights.sha256 if record.weights else None,
        "started": record.started,
        **{f"version_{name}": version for name, version in record.versions.items()},
    }
    return {name: _flatten(one) for name, one in (options | about).items() if one not in (None, ())}


def list_result(record: RunRecord, verdict: str | None) -> dict[str, Value]:
    """Return how a run ended, and what it computed with."""
    used = msgspec.structs.asdict(record.used) if record.used else {}
    best = record.best
    measured = {
        f"best_{_spell(name)}": value
        for name, value in (best.metrics if best else {}).items()
        if _group(name) == "metrics"
    }
    result: dict[str, Any] = {
        "state": record.state,
        "stopped": record.stopped.reason if record.stopped else None,
        "verdict": verdict,
        "error": record.error,
        "best_epoch": best.epoch if best else None,
        **measured,
        **{f"used_{name}": value for name, value in used.items()},
    }
    return {name: _flatten(one) for name, one in result.items() if one is not None}


def _flatten(value: Any) -> Value:
    if isinstance(value, str | int | float):
        return value
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
