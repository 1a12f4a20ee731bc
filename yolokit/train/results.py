"""``results.csv``: the figures of every epoch as a table, for spreadsheets and other programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from yolokit.files.atomic import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.train.record import RunRecord

RESULTS_NAME = "results.csv"
# What stands before the metrics, as in run.json; `seconds` is the whole epoch.
_COLUMNS = ("epoch", "seconds", "wait_s", "val_s", "steps", "retries")


def write_results(record: RunRecord, run_dir: Path) -> None:
    """Write the table anew from the record, in one step, so that no row is ever half there."""
    start = [record.start_epoch] if record.start_epoch else []
    epochs = [*start, *record.epochs]
    metrics = dict.fromkeys(name for epoch in [*record.epochs, *start] for name in epoch.metrics)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow((*_COLUMNS, *metrics))
    for epoch in epochs:
        table.writerow(
            [
                *(getattr(epoch, name) for name in _COLUMNS),
                *(epoch.metrics.get(name) for name in metrics),
            ]
        )
    write_atomic(run_dir / RESULTS_NAME, text.getvalue().encode())
