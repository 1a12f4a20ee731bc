"""What the end of the engine means for a run: a kill, a full disk."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.core.events import Notice
from yolokit.core.plural import counted, describe_size
from yolokit.engine_protocol.child import run_job
from yolokit.engine_protocol.training import count_fitting
from yolokit.errors import EngineKilledError, TrainError
from yolokit.files.parts import final_path
from yolokit.train.record import write_record

if TYPE_CHECKING:
    from yolokit.core.events import OnEvent
    from yolokit.engine_protocol.requests import TrainRequest
    from yolokit.train.record import RunRecord

_FULL = (errno.ENOSPC, errno.EDQUOT)


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


def write_end(record: RunRecord, run_dir: Path, on_event: OnEvent) -> None:
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


_ROOM = "make room on it"


def _find_disk(error: OSError, run_dir: Path) -> Path:
    name = error.filename
    return final_path(Path(str(name))).parent if name else run_dir
