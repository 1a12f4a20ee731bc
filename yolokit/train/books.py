"""What is kept of a run beside its record while it trains, and what ``on_event`` wishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.core.events import EpochEnd, StartScore, StopTraining
from yolokit.engine_protocol.gradients import Gradients
from yolokit.train.gradients import GradientTable
from yolokit.train.results import write_results
from yolokit.train.run_log import RunLog

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.events import Event, OnEvent
    from yolokit.train.record import RunRecord, Stop
    from yolokit.train.report.summary import Summary


class RunBooks:
    """``results.csv``, ``gradients.csv`` and the loggers of a run."""

    def __init__(self, record: RunRecord, run_dir: Path, on_event: OnEvent) -> None:
        """Open them, as of what is in the record already.

        Raises:
            ConfigError: A logger cannot be opened, and nothing was trained yet.
        """
        self._record, self._run_dir, self._on_event = record, run_dir, on_event
        self._wish: StopTraining | None = None
        write_results(record, run_dir)
        last_epoch = record.epochs[-1].epoch if record.epochs else 0
        self._gradients = GradientTable(run_dir, last_epoch=last_epoch)
        self._log = RunLog(record, run_dir, on_event)

    def enter(self, event: Event) -> None:
        """Write down an event that is in the record, then hand it to the listener.

        Raises:
            StopTraining: The listener asked for it, for the first time.
        """
        if isinstance(event, EpochEnd | StartScore):
            write_results(self._record, self._run_dir)
            self._log.write(self._record)
        elif isinstance(event, Gradients):
            self._gradients.write(event)
        try:
            self._on_event(event)
        except StopTraining as wish:
            if self._wish is None:
                self._wish = wish
                raise

    def describe_stop(self) -> Stop:
        """Return how a complete run ended."""
        if self._wish is None:
            return self._record.stop("epochs")
        return msgspec.structs.replace(self._record.stop("asked"), why=str(self._wish) or None)

    def close(self, summary: Summary | None = None) -> None:
        """Close them as the run ended."""
        self._log.close(self._record, summary.headline if summary else None)
