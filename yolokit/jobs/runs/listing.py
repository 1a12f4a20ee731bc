"""What runs of training there are: each folder below ``runs/train`` with what its record says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.core.suggest import nearest
from yolokit.errors import TrainError
from yolokit.files.regular_file import is_folder, is_there
from yolokit.metrics.fitness import MAP50_95
from yolokit.train.folds.figures import read_runs, sum_up
from yolokit.train.folds.record import has_folds, read_folds
from yolokit.train.record import RunRecord, read_record
from yolokit.train.report.advice import relative_path
from yolokit.train.run_folder import RUNS_DIR, is_held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.train.folds.record import FoldsRecord

State = Literal["complete", "interrupted", "failed", "running", "killed", "unreadable", "not a run"]


class RunEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One folder in the list of runs; figures are None where they are not known.

    Attributes:
        name: Of the folder.
        folder: Its path.
        state: ``killed``: it ended without a word. ``unreadable``: its record is damaged.
        problem: What is wrong with it, in words; None if nothing is.
        data: The data set, as it was given.
        start: What it began with.
        epochs: Completed ones.
        planned: Epochs that were asked for.
        best: mAP50-95 of best.pt on val; of folds the mean.
        before: That of the start; None where it was not measured.
        fitness: Name of the metric that chose best.pt.
        score: Its value.
        seconds: Time of all epochs.
        started: When, with its zone.
        folds: How many, where it was trained in folds; ``epochs`` and ``planned`` count those of
            all.
        spread: The standard deviation of their mAP50-95.
    """

    name: str
    folder: str
    state: State
    problem: str | None = None
    data: str | None = None
    start: str | None = None
    epochs: int | None = None
    planned: int | None = None
    best: float | None = None
    before: float | None = None
    fitness: str | None = None
    score: float | None = None
    seconds: float | None = None
    started: str | None = None
    folds: int | None = None
    spread: float | None = None


def list_runs(parent: Path = RUNS_DIR) -> list[RunEntry]:
    """Return all folders below a place, the oldest run first; what is not a run comes last."""
    if not parent.is_dir():
        return []
    entries = [describe_run(path) for path in sorted(parent.iterdir()) if path.is_dir()]
    return sorted(entries, key=lambda entry: entry.started or "~")


def describe_run(folder: Path) -> RunEntry:
    """Return what is known about a folder, whatever is in it."""
    name, path = folder.name, os.fspath(folder)
    try:
        if has_folds(folder):
            return describe_folds(folder)
        record = read_record(folder)
    except TrainError as error:
        is_missing = isinstance(error.__cause__, FileNotFoundError | NotADirectoryError)
        state: State = "not a run" if is_missing else "unreadable"
        return RunEntry(name=name, folder=path, state=state, problem=str(error))
    best, start = record.best, record.start_epoch
    return RunEntry(
        name=name,
        folder=path,
        state=find_state(record, folder),
        problem=record.error,
        data=os.fspath(record.config.data),
        start=describe_weights(record),
        epochs=len(record.epochs),
        planned=record.config.epochs,
        best=best.metrics.get(MAP50_95) if best else None,
        before=start.metrics.get(MAP50_95) if start else None,
        fitness=record.fitness,
        score=best.metrics[record.fitness] if best else None,
        seconds=sum(epoch.seconds for epoch in record.epochs),
        started=record.started,
    )


def describe_folds(folder: Path) -> RunEntry:
    """Return what is known about a folder of folds.

    Raises:
        TrainError: Its record is damaged.
    """
    record = read_folds(folder)
    summary = record.summary or sum_up(record, folder)
    runs = read_runs(record, folder)
    measured = summary.metrics[MAP50_95]
    first = next((run for run in runs if run is not None), None)
    return RunEntry(
        name=folder.name,
        folder=os.fspath(folder),
        state=find_state(record, folder),
        problem=record.error,
        data=relative_path(record.data.path),
        start=relative_path(describe_weights(first) if first else record.config.weights),
        epochs=sum(len(run.epochs) for run in runs if run is not None),
        planned=record.count * record.config.epochs,
        best=measured.mean,
        before=summary.before.mean,
        fitness=record.fitness,
        score=summary.metrics[record.fitness].mean,
        seconds=sum(summary.seconds),
        started=record.started,
        folds=record.count,
        spread=measured.sd,
    )


def find_state(record: RunRecord | FoldsRecord, folder: Path) -> State:
    """Return the state of a run: a record that says ``running`` may have outlived its process."""
    if record.state != "running":
        return record.state
    return "killed" if is_held(folder) is False else "running"


def describe_weights(record: RunRecord) -> str:
    """Return what a run began with, in a few words."""
    if record.weights is None:
        return f"nothing ({record.arch})" if record.arch else "nothing"
    return record.weights.name or record.config.weights


def find_run(name: str, parent: Path = RUNS_DIR) -> tuple[Path, RunRecord]:
    """Return the folder of a run, given its name below ``runs/train`` or its path, and its record.

    Raises:
        TrainError: There is no such run, or its record is damaged.
    """
    places = (parent / name, Path(name))
    for folder in places:
        if is_there(folder / "run.json"):
            return folder, read_record(folder)
    for folder in filter(is_folder, places):
        return folder, read_record(folder)  # which says what it is not, or why it cannot be read
    raise TrainError(f"there is no run {name}", hint=_suggest(name, list_runs(parent), parent))


def find_folds(name: str, parent: Path = RUNS_DIR) -> Path | None:
    """Return the folder of folds, given as for :func:`find_run`; None if it has none."""
    return next(filter(has_folds, (parent / name, Path(name))), None)


def _suggest(name: str, entries: Sequence[RunEntry], parent: Path) -> str:
    known = [entry.name for entry in entries if entry.state not in ("not a run", "unreadable")]
    if not known:
        return f"there are no runs in {parent}; the path of a run's folder is taken as well"
    guess = nearest(name, known)
    if guess is not None:
        return f"there is a run {guess!r}"
    return "`yolokit runs list` shows those that are there; a path is taken as well"
