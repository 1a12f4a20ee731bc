"""What the end of the engine means for a run: a failure, a kill, a full disk."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from yolokit.core.events import Notice, OnEvent, ignore
from yolokit.core.plural import counted, describe_size
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.requests import STATE_FILE
from yolokit.engine_protocol.training import count_fitting
from yolokit.errors import (
    ConfigError,
    DataError,
    EngineKilledError,
    JobCancelledError,
    TrainError,
    WeightsError,
    YolokitError,
)
from yolokit.files.parts import final_path
from yolokit.train.config.stored import write_config
from yolokit.train.record import now, read_record, write_record
from yolokit.train.report.draw import draw_result
from yolokit.train.run_folder import resume_command
from yolokit.train.start import hash_outputs

if TYPE_CHECKING:
    from yolokit.engine_protocol.requests import TrainRequest
    from yolokit.train.books import RunBooks
    from yolokit.train.record import RunRecord

_FULL = (errno.ENOSPC, errno.EDQUOT)
_ROOM = "make room on it"


def train_in_engine(
    request: TrainRequest, record: RunRecord, run_dir: Path, on_event: OnEvent
) -> dict[str, Any]:
    """Train to the end; see :func:`yolokit.engine_protocol.child.run_job`.

    Raises:
        EngineKilledError: The system ended it; the hint says what would have fitted.
        TrainError: Training failed, or the disk is full.
    """
    try:
        return run_job("train", request, log_path=run_dir / "train.log", on_event=on_event)
    except EngineKilledError as error:
        advice = advise_after_kill(record)
        error.hint = f"{advice}; {error.hint}" if error.hint else advice
        raise
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise TrainError(f"the disk of {_find_disk(error, run_dir)} is full", hint=_ROOM) from error


class CompleteRun(NamedTuple):
    """A complete run, before it goes on.

    Attributes:
        record: What it has recorded.
        state_ns: When its ``state.pt`` was written; None without one.
    """

    record: RunRecord
    state_ns: int | None

    def is_as_it_was(self, record: RunRecord, run_dir: Path) -> bool:
        """Tell whether no epoch came to it, not even one that the engine died before telling."""
        is_told = len(record.epochs) > len(self.record.epochs)
        return not is_told and _read_state_ns(run_dir) == self.state_ns


def remember_complete(run_dir: Path) -> CompleteRun | None:
    """Return what a run is before it goes on, if it is complete."""
    record = read_record(run_dir)
    return CompleteRun(record, _read_state_ns(run_dir)) if record.state == "complete" else None


def _read_state_ns(run_dir: Path) -> int | None:
    try:
        return (run_dir / STATE_FILE).stat().st_mtime_ns
    except OSError:
        return None


def close_failed(
    record: RunRecord,
    run_dir: Path,
    error: BaseException,
    on_event: OnEvent = ignore,
    books: RunBooks | None = None,
    complete: CompleteRun | None = None,
) -> None:
    """Record a run that failed; one that never began leaves no folder.

    Args:
        record: The run's, as of now.
        run_dir: Its folder.
        error: Why it ended.
        on_event: Called with what happens, in order.
        books: What is to be closed.
        complete: A run that was complete and goes on. It stays that if no epoch came to it.
    """
    if complete is not None and complete.is_as_it_was(record, run_dir):
        _stay_complete(record, complete.record, run_dir, error)
        if books is not None:
            books.close()
        return
    cancelled = isinstance(error, (JobCancelledError, KeyboardInterrupt))
    record.state = "interrupted" if cancelled else "failed"
    record.stopped = record.stop("interrupted" if cancelled else "error")
    record.error, record.ended = str(error), now()
    began = bool(record.resumed or record.epochs) or (run_dir / "last.pt").exists()
    if not began and isinstance(error, (ConfigError, DataError, WeightsError)):
        if books is not None:
            books.close()
        shutil.rmtree(run_dir, ignore_errors=True)
        if error.hint and str(run_dir) in error.hint:
            error.hint = None  # it named the log, which went with the folder
        return
    record.outputs = hash_outputs(run_dir)
    _write_end(record, run_dir, on_event)
    if (run_dir / "last.pt").is_file():
        resume = f"go on with: {resume_command(run_dir)}"
        if isinstance(error, YolokitError):
            known = f"last.pt is in {run_dir}" if cancelled else error.hint
            error.hint = f"{known}; {resume}" if known else resume
        else:  # as of on_event
            error.add_note(f"the run can be resumed; {resume}")
    summary = draw_result(record, run_dir, on_event if isinstance(error, YolokitError) else ignore)
    if books is not None:
        books.close(summary)


def _stay_complete(
    record: RunRecord, complete: RunRecord, run_dir: Path, error: BaseException
) -> None:
    """Make a run what it was before a resumption that trained nothing, but for its launches."""
    kept = {"resumed": record.resumed, "launches": record.launches}
    for name, value in (msgspec.structs.asdict(complete) | kept).items():
        setattr(record, name, value)
    write_record(record, run_dir)
    write_config(record.config, record.data.path, record.origins, run_dir)
    if isinstance(error, JobCancelledError):
        error.hint = f"go on with: {resume_command(run_dir)} --epochs +N"
    elif isinstance(error, YolokitError):
        still = "the run is complete, as it was before"
        error.hint = f"{error.hint}; {still}" if error.hint else still


def _write_end(record: RunRecord, run_dir: Path, on_event: OnEvent) -> None:
    """Write how a run ended, if there is room; what its last whole epoch wrote is there anyway."""
    try:
        write_record(record, run_dir)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        on_event(Notice("note: run.json has no room on the disk; it stays as of the last epoch"))


def advise_after_kill(record: RunRecord) -> str:
    """Say which batch would have fitted, by what was measured before training."""
    needs = record.used.memory if record.used else None
    if record.used is None or needs is None:
        return "a smaller --batch or --imgsz takes less memory"
    batch, fits = record.used.batch, count_fitting(needs)
    what = (
        f"a batch of {counted(batch, 'image')} takes about "
        f"{describe_size(needs.image_bytes * batch)}, and {describe_size(needs.free_bytes)} were "
        "free when training began"
    )
    if fits == 0:
        return f"{what}: take a smaller --imgsz"
    if fits < batch:
        return f"{what}: --batch {fits} fits"
    half = max(1, batch // 2)
    return f"{what}, so another program may have needed it; --batch {half} leaves it more"


def _find_disk(error: OSError, run_dir: Path) -> Path:
    name = error.filename
    return final_path(Path(str(name))).parent if name else run_dir
