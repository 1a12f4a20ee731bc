"""Weights & Biases: offline in ``<run>/wandb``, for ``wandb sync``, unless ``wandb_online``.

Its metadata, system figures, list of packages, copies of code and error reports are off. Each
resumption is a further part there, a folder of the same run id, and ``wandb sync`` joins them. What
a part holds is on disk for certain only once it is closed: one that a kill left is begun anew.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.privacy import quiet_loggers
from yolokit.files.atomic import write_atomic
from yolokit.files.size_limits import read_bounded
from yolokit.train.loggers.toolkit import list_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.train.loggers.toolkit import Value
    from yolokit.train.record import RunRecord

MODULE = EXTRA = "wandb"
_STATE = "closed.json"
_FAILED = 1  # any exit code but 0 ends a run as failed


class _Closed(msgspec.Struct, frozen=True):
    """Which parts are whole: nothing in Python reads wandb's offline files back.

    Attributes:
        run: Our run's id, which is wandb's as well.
        epoch: The last one in them.
        parts: Their folders.
    """

    run: str
    epoch: int = -1
    parts: tuple[str, ...] = ()


def open_logger(record: RunRecord, run_dir: Path) -> _Run:
    """Begin a run, or another part of the one with our run's id."""
    quiet_loggers(run_dir)
    import wandb

    config = record.config
    closed = _read_closed(run_dir / "wandb", record.id)
    for part in (run_dir / "wandb").glob(f"offline-run-*-{record.id}*"):
        if part.name not in closed.parts:
            shutil.rmtree(part, ignore_errors=True)
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
    return _Run(run, run_dir / "wandb", closed)


def _read_closed(folder: Path, run_id: str) -> _Closed:
    path = folder / _STATE
    known = msgspec.json.decode(read_bounded(path), type=_Closed) if path.is_file() else None
    return known if known is not None and known.run == run_id else _Closed(run_id)


class _Run:
    def __init__(self, run: Any, folder: Path, closed: _Closed) -> None:
        self._run, self._folder, self._closed = run, folder, closed
        self.last_epoch = closed.epoch

    def log_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        self._run.log({"epoch": epoch, **figures}, step=epoch, commit=True)
        self.last_epoch = epoch

    def close(self, record: RunRecord, result: Mapping[str, Value]) -> None:
        for name, value in result.items():
            self._run.summary[name] = value
        part = Path(self._run.dir).parent.name
        self._run.finish(exit_code=0 if record.state == "complete" else _FAILED)
        closed = _Closed(self._closed.run, self.last_epoch, (*self._closed.parts, part))
        write_atomic(self._folder / _STATE, msgspec.json.encode(closed))
