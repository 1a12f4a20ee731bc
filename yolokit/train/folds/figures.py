"""What the runs of the folds say together: means, and how far they are apart."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import TYPE_CHECKING

from yolokit.errors import TrainError
from yolokit.metrics.fitness import MAP50_95
from yolokit.train.folds.record import FoldsRecord, FoldsSummary, Spread, fold_dir
from yolokit.train.record import RunRecord, read_record
from yolokit.train.report.kept import measure_classes, read_best

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.engine_protocol.validations import Validation

METRICS = (MAP50_95, "mAP50", "precision", "recall")


def read_runs(record: FoldsRecord, run_dir: Path) -> list[RunRecord | None]:
    """Return the record of each fold's run; None for one that has not begun, or is damaged."""
    return [_read(fold_dir(run_dir, fold)) for fold in range(1, record.count + 1)]


def _read(folder: Path) -> RunRecord | None:
    try:
        return read_record(folder)
    except TrainError:  # the fold is told as not trained
        return None


def name_classes(record: FoldsRecord, runs: Sequence[RunRecord | None]) -> list[str]:
    """Return the classes of the models: those of the data set, or more where some were added."""
    return next((run.data.names for run in runs if run is not None), record.data.names)


def read_validations(runs: Sequence[RunRecord | None], run_dir: Path) -> list[Validation | None]:
    """Return what ``best.pt`` of each fold found on its images; None where that was not kept."""
    found: list[Validation | None] = []
    for fold, run in enumerate(runs, 1):
        try:
            found.append(None if run is None else read_best(fold_dir(run_dir, fold), run))
        except TrainError:  # told as not known
            found.append(None)
    return found


def sum_up(record: FoldsRecord, run_dir: Path) -> FoldsSummary:
    """Return the figures of the folds that are there so far."""
    runs = read_runs(record, run_dir)
    return FoldsSummary(
        metrics={
            name: spread([_metric(run, name) for run in runs])
            for name in dict.fromkeys((record.fitness, *METRICS))
        },
        last=spread([_last(run) for run in runs]),
        before=spread([_before(run) for run in runs]),
        classes=_spread_classes(name_classes(record, runs), read_validations(runs, run_dir)),
        best_epochs=[run.best.epoch if run and run.best else None for run in runs],
        seconds=[sum(epoch.seconds for epoch in run.epochs) if run else 0.0 for run in runs],
    )


def spread(values: list[float | None]) -> Spread:
    """Return what values of the folds are together."""
    known = [value for value in values if value is not None]
    return Spread(
        mean=fmean(known) if known else None,
        sd=stdev(known) if len(known) > 1 else None,
        min=min(known, default=None),
        max=max(known, default=None),
        values=values,
    )


def _metric(run: RunRecord | None, name: str) -> float | None:
    return run.best.metrics.get(name) if run and run.best else None


def _last(run: RunRecord | None) -> float | None:
    return run.epochs[-1].metrics.get(run.fitness) if run and run.epochs else None


def _before(run: RunRecord | None) -> float | None:
    return run.start_epoch.metrics.get(run.fitness) if run and run.start_epoch else None


def _spread_classes(
    names: Sequence[str], validations: Sequence[Validation | None]
) -> dict[str, Spread]:
    if not any(validations):
        return {}
    measured = [measure_classes(one, names) if one else {} for one in validations]
    return {name: spread([one.get(name) for one in measured]) for name in names}
