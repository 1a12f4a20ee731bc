"""Weights & Biases: offline in ``<run>/wandb``, for ``wandb sync``, unless ``wandb_online``.

Its metadata, system figures, list of packages, copies of code and error reports are off. Each
resumption is a further folder there with the same id, which ``wandb sync`` joins to one run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.privacy import quiet_loggers
from yolokit.files.atomic import write_atomic
from yolokit.files.size_limits import read_bounded
from yolokit.train.loggers.toolkit import list_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.train.loggers.toolkit import Value
    from yolokit.train.record import RunRecord

MODULE = EXTRA = "wandb"
_FAILED = 1  # any exit code but 0 ends a run as failed


class _Logged(msgspec.Struct, frozen=True):
    """How far the log is: wandb 0.31 has nothing that reads its offline files back."""

    run: str
    epoch: int


def open_logger(record: RunRecord, run_dir: Path) -> _Run:
    """Begin a run, or another part of the one with our run's id."""
    quiet_loggers(run_dir)
    import wandb

    config = record.config
    settings = wandb.Settings(
        mode="online" if config.wandb_online else "offline",
        silent=True, console="off", init_timeout=30,
        save_code=False, disable_code=True, disable_git=True, disable_job_creation=True,
        x_disable_meta=True, x_disable_stats=True, x_disable_machine_info=True,
        x_disable_viewer=True, x_save_requirements=False,
    )  # fmt: skip
    run = wandb.init(
        project=config.log_project, dir=str(run_dir), id=record.id, name=run_dir.name,
        resume="allow", config=list_settings(record), settings=settings, reinit="create_new",
    )  # fmt: skip
    return _Run(run, record.id, run_dir / "wandb" / "logged.json")


class _Run:
    def __init__(self, run: Any, run_id: str, logged: Path) -> None:
        self._run, self._id, self._logged = run, run_id, logged
        self.last_epoch = -1
        if logged.is_file():
            known = msgspec.json.decode(read_bounded(logged), type=_Logged)
            self.last_epoch = known.epoch if known.run == run_id else -1

    def log_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        self._run.log({"epoch": epoch, **figures}, step=epoch, commit=True)
        # A kill before this writes one step twice, of which the server takes the first.
        write_atomic(self._logged, msgspec.json.encode(_Logged(self._id, epoch)))
        self.last_epoch = epoch

    def close(self, record: RunRecord, result: Mapping[str, Value]) -> None:
        for name, value in result.items():
            self._run.summary[name] = value
        self._run.finish(exit_code=0 if record.state == "complete" else _FAILED)
