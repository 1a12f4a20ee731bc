"""One trial: an ordinary training in a folder of the search, ended early where it goes badly."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from yolokit.errors import TrainError
from yolokit.jobs.tune.study import Outcome
from yolokit.jobs.tune.watching import PRUNED
from yolokit.train.config import TrainConfig
from yolokit.train.record import read_record
from yolokit.train.run import resume_training, train_model

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.events import OnEvent
    from yolokit.jobs.tune.study import Trial
    from yolokit.train.record import RunRecord

OWN_OPTIONS = 1  # the number of the trial with the user's own options
_TRIALS = "trials"
_ORIGIN = "yolokit tune"


def trial_folder(folder: Path, number: int) -> Path:
    """Return where the run of a trial is."""
    return folder / _TRIALS / f"{number:03}"


class Given(NamedTuple):
    """Options that are stated to a training, and for each who said so."""

    values: dict[str, Any]
    origins: dict[str, str]


def fill_options(given: Given, trial: Trial) -> Given:
    """Return what is stated to the training of a trial, without what has no effect in it.

    Args:
        given: What the user stated, which is all that the first trial gets.
        trial: The trial.
    """
    if trial.number == OWN_OPTIONS:
        return given
    tried = given.values | trial.values
    idle = TrainConfig.find_idle(msgspec.structs.asdict(TrainConfig(data="")) | tried)
    values = {name: one for name, one in tried.items() if name not in idle}
    ours = {name: _ORIGIN for name in values if values[name] != given.values.get(name)}
    return Given(values, {name: given.origins.get(name, _ORIGIN) for name in values} | ours)


def make_trial(
    number: int, options: Given, run_dir: Path, fitness: str, on_event: OnEvent
) -> Outcome:
    """Train with the options of a trial, or go on where a process was killed or interrupted.

    Args:
        number: Of the trial.
        options: What is stated to its training.
        run_dir: Folder of its run.
        fitness: Name of the metric that it is judged by.
        on_event: Called with what happens, in order; it may end the trial.

    Raises:
        YolokitError: Something is wrong that every other trial would meet as well.
        JobCancelledError: It was interrupted, and can be gone on with.
    """
    try:
        return judge(_train(options, run_dir, on_event), fitness)
    except TrainError as error:
        if number == OWN_OPTIONS:
            raise  # what is wrong with these is wrong with all
        return Outcome(state="failed", why=str(error))


def _train(options: Given, run_dir: Path, on_event: OnEvent) -> RunRecord:
    if (run_dir / "last.pt").is_file():
        record = read_record(run_dir)
        if record.state == "complete":  # a kill came between its end and the journal
            return record
        return resume_training(run_dir, on_event=on_event).record
    shutil.rmtree(run_dir, ignore_errors=True)  # nothing was trained in it
    config = TrainConfig.build(options.values)
    return train_model(config, on_event, folder=run_dir, origins=options.origins).record


def judge(record: RunRecord, fitness: str) -> Outcome:
    """Return what came of the complete run of a trial.

    Its start does not count: where that is the best, it is so for every trial alike.
    """
    best, start, stop = record.best_trained, record.start_epoch, record.stopped
    if best is None:
        return Outcome(state="failed", why="no epoch was measured")
    is_pruned = stop is not None and stop.why == PRUNED
    return Outcome(
        state="pruned" if is_pruned else "complete",
        score=best.metrics[fitness],
        epochs=len(record.epochs),
        seconds=sum(epoch.seconds for epoch in record.epochs),
        start_score=start.metrics[fitness] if start else None,
        why=PRUNED if is_pruned else None,
    )
