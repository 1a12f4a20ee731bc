"""What the engine tells, as entries of a run's record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import EpochEnd, Event, StartScore
from yolokit.engine_protocol.child import DataRead, Settled, Started
from yolokit.train.record import EpochRecord, count_used

if TYPE_CHECKING:
    from yolokit.train.record import RunRecord


def enter_event(event: Event, record: RunRecord) -> bool:
    """Enter an event into the record, and return whether to write it down at once."""
    if isinstance(event, EpochEnd):
        if record.epochs and record.epochs[-1].epoch >= event.epoch:
            return False  # a run that goes on tells of its last epoch once more
        record.epochs.append(
            EpochRecord(
                epoch=event.epoch,
                seconds=round(event.seconds, 3),
                metrics=event.metrics,
                steps=event.steps,
                wait_s=None if event.wait_s is None else round(event.wait_s, 3),
                val_s=None if event.val_s is None else round(event.val_s, 3),
                retries=event.retries,
                images=event.images,
                threads=event.threads,
                memory_bytes=event.memory_bytes,
            )
        )
    elif isinstance(event, DataRead):
        record.data = count_used(record.data, event)
    elif isinstance(event, StartScore):
        seconds = round(event.seconds, 3)
        record.start_epoch = EpochRecord(epoch=0, seconds=seconds, metrics=event.metrics)
    elif isinstance(event, Started):
        record.start = event.transfer
        if event.transfer.added is not None:
            names = event.transfer.added.names
            record.data = msgspec.structs.replace(record.data, names=names)
        return False
    elif isinstance(event, Settled):
        record.used = event.used
        return False
    else:
        return False
    return True
