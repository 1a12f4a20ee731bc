"""Where a run goes: a folder of its own, or that of a run which failed before its first epoch.

A run never replaces another that has trained anything. One that failed before that, or was killed
before it had a record, does not block the same command. While a run is going on, a lock in its
folder says so, which ends with the process that trains.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.engine_protocol.requests import START_FILE, STATE_FILE
from yolokit.errors import OutputExistsError, TrainError
from yolokit.files.locks import drop_lock, take_lock
from yolokit.files.outputs import Held, Replacing, Result, check_output
from yolokit.files.parts import remove
from yolokit.train.image_hashes import HASHES_FILE
from yolokit.train.record import read_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filelock import BaseFileLock

    from yolokit.train.record import RunRecord

RUNS_DIR = Path("runs") / "train"
LOCK_NAME = ".run.lock"
DEALING_NAME = "dealing.csv"  # of folds: which image is in which
DEALING_COLUMNS = ("image", "fold", "group", "sha256")

_CHECKPOINTS = ("last.pt", "best.pt")
# With what a kill leaves: parts of files that were being written, and the start.
_WRITTEN = (
    *("run.json", LOCK_NAME, "*.csv", "*.log", "*.yaml", "*.txt", "*.detections.npz", "engine/*"),
    *("tensorboard/*", "mlflow/*", "wandb/*"),
    *(HASHES_FILE, START_FILE, STATE_FILE, ".*.yolokit-part-*", ".*.yolokit-lock-*"),
)
_BEGINNING = re.compile(rf"{re.escape(LOCK_NAME)}|\..+\.yolokit-(part|lock)-.+")


def check_run_folder(folder: Path) -> None:
    """Refuse a folder in which no new run can begin.

    Raises:
        OutputExistsError: It holds a run that has trained, or something else.
        TrainError: It holds a run that is still going on.
    """
    record = _read_record(folder)
    if record is None and not _is_beginning(folder):
        check_output(folder)
        return
    with hold_run(folder):
        pass
    if record is None:
        return
    if not _has_trained(folder, record):
        check_output(folder, _FAILED)
        return
    hint = "choose another --name or --out"
    if record.state != "complete" and (folder / "last.pt").is_file():
        hint = f"go on with it: `{resume_command(folder)}`; or {hint}"
    raise OutputExistsError(f"{folder} already holds a run", hint=hint)


def clear_failed_run(folder: Path) -> bool:
    """Empty the folder of a run that ended before its first epoch; tell whether it was one.

    Raises:
        OutputExistsError: As :func:`check_run_folder`.
        TrainError: See there.
    """
    check_run_folder(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    with hold_run(folder):
        for entry in folder.iterdir():
            if entry.name != LOCK_NAME:  # which goes last: on Windows, what is open cannot
                remove(entry)
    return True


def resume_command(folder: Path) -> str:
    """Return the command that resumes a run."""
    inside = folder.resolve().parent == RUNS_DIR.resolve()
    option, value = ("--name", folder.name) if inside else ("--out", os.fspath(folder))
    return f"yolokit train --resume {option} {shlex.quote(value)}"


@contextlib.contextmanager
def hold_run(run_dir: Path) -> Iterator[None]:
    """Hold a run, so that no other process trains in its folder, in another container either.

    On a file system without locks nothing is held: a run that was killed there can still be
    resumed. :mod:`yolokit.files.locks` says how far locks reach.

    Raises:
        TrainError: Another process holds it.
    """
    lock = _lock(run_dir)
    try:
        yield
    finally:
        if lock is not None:
            drop_lock(lock)


def is_held(run_dir: Path) -> bool | None:
    """Tell whether a process trains in a folder; None where the file system cannot tell."""
    path = run_dir / LOCK_NAME
    if not path.exists():  # it goes with the process, and stays after a kill alone
        return False
    try:
        lock = take_lock(path)
    except OSError:
        return None
    if lock is not None:
        drop_lock(lock)
    return lock is None


def _lock(run_dir: Path) -> BaseFileLock | None:
    try:
        lock = take_lock(run_dir / LOCK_NAME)
    except OSError:  # there are none
        return None
    if lock is None:
        raise TrainError(
            f"the run {run_dir} is still going on, in another process",
            hint="wait until it ends, or stop that process",
        )
    return lock


def _read_record(folder: Path) -> RunRecord | None:
    """Return the record of a run, or None where there is none that can be read."""
    try:
        return read_record(folder)
    except TrainError:
        return None


def _is_beginning(folder: Path) -> bool:
    """Tell whether a folder holds what was there before the first record, and nothing else."""
    entries = list(folder.iterdir()) if folder.is_dir() else []
    return bool(entries) and all(map(_is_before_record, entries))


def _is_before_record(path: Path) -> bool:
    if path.name == DEALING_NAME and path.is_file():
        with path.open("rb") as stream:  # so that it is ours, not another table of that name
            return stream.readline(100) == ",".join(DEALING_COLUMNS).encode() + b"\n"
    return _BEGINNING.fullmatch(path.name) is not None


def _has_trained(folder: Path, record: RunRecord) -> bool:
    kept = any(os.path.lexists(folder / name) for name in _CHECKPOINTS)
    return kept or bool(record.epochs) or record.state == "complete"


_FAILED = Replacing(
    result=Result(command="yolokit train", recognise=lambda _folder: [Held(_WRITTEN)]), wanted=True
)
