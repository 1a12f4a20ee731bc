"""TensorBoard: event files in ``<run>/tensorboard``, written and read by its own package.

Not tensorboardX, which would be smaller, since people need this package to look at the files.
Neither torch nor TensorFlow is imported, and no connection is opened.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from yolokit.train.loggers.toolkit import list_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.train.loggers.toolkit import Value
    from yolokit.train.record import RunRecord

MODULE = EXTRA = "tensorboard"
_ALWAYS = "time/seconds"  # every epoch has it, the start too


def open_logger(record: RunRecord, run_dir: Path) -> _Board:
    """Begin an event file; one that is there already stays, and is gone on from."""
    from tensorboard.plugins.hparams import summary_v2 as hparams
    from tensorboard.plugins.text.summary_v2 import text_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    folder = run_dir / "tensorboard"
    last_epoch = _read_last_epoch(folder) if folder.is_dir() else -1
    board = _Board(EventFileWriter(str(folder)), last_epoch)
    settings = list_settings(record)
    if last_epoch < 0:
        board.write(0, hparams.hparams_pb(settings, trial_id=record.id))
    board.write(max(last_epoch, 0), text_pb("settings", _table(settings)))
    return board


def _read_last_epoch(folder: Path) -> int:
    from tensorboard.backend.event_processing import event_accumulator

    size = {event_accumulator.SCALARS: 0}  # all of them
    known = event_accumulator.EventAccumulator(str(folder), size_guidance=size).Reload()
    if _ALWAYS not in known.Tags()[event_accumulator.SCALARS]:
        return -1
    return max(int(scalar.step) for scalar in known.Scalars(_ALWAYS))


class _Board:
    def __init__(self, writer: Any, last_epoch: int) -> None:
        self._writer = writer
        self.last_epoch = last_epoch

    def write(self, step: int, summary: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=summary))
        self._writer.flush()

    def log_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in figures.items()]
        self.write(epoch, Summary(value=values))
        self.last_epoch = epoch

    def close(self, record: RunRecord, result: Mapping[str, Value]) -> None:
        from tensorboard.plugins.text.summary_v2 import text_pb

        last = record.epochs[-1].epoch if record.epochs else 0
        self.write(last, text_pb("result", _table(result)))
        self._writer.close()


def _table(values: Mapping[str, Value]) -> str:
    """Return values as a table of Markdown, in which text from files is shown as it is."""
    rows = (f"| {name} | `{_plain(value)}` |" for name, value in values.items())
    return "\n".join(("| name | value |", "|---|---|", *rows))


def _plain(value: Value) -> str:
    return " ".join(str(value).replace("`", "'").replace("|", "/").split()) or " "
