"""What stays of the trials: all records, and the weights of the best one alone."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from yolokit.jobs.tune.trial import OWN_OPTIONS, trial_folder
from yolokit.train.record import read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.jobs.tune.study import Trial

# Of every trial; of the user's own options also what tells whether another one is really better.
_RECORDS = {"run.json", "results.csv", "gradients.csv", "config.yaml", "train.log"}
_LOGS = {"tensorboard", "mlflow", "wandb"}
_DETECTIONS = {"best.detections.npz", "start.detections.npz"}
_ONLY_TO_RESUME = {"last.pt", "state.pt"}


def find_best(trials: Sequence[Trial]) -> Trial | None:
    """Return the complete trial with the highest score; of equal ones the first."""
    scored = [one for one in trials if one.state == "complete" and one.score is not None]
    return max(scored, key=lambda one: (one.score, -one.number), default=None)


def tidy_trials(folder: Path, trials: Sequence[Trial]) -> None:
    """Remove what is not kept of the trials that have ended.

    Several processes may do so at once: the best trial of a moment may be replaced by a better one,
    but no trial that was surpassed once is ever the best again.
    """
    best = find_best(trials)
    for trial in trials:
        if trial.state == "running":
            continue
        run_dir = trial_folder(folder, trial.number)
        if best is not None and trial.number == best.number:
            _remove(run_dir, [run_dir / name for name in _ONLY_TO_RESUME])
        elif run_dir.is_dir():
            kept = _RECORDS | _LOGS
            kept |= _DETECTIONS if trial.number == OWN_OPTIONS else set()
            _remove(run_dir, [one for one in run_dir.iterdir() if one.name not in kept])


def _remove(run_dir: Path, paths: Sequence[Path]) -> None:
    """Remove files of a run, and strike them from its record first."""
    gone = [path for path in paths if path.exists()]
    if not gone:
        return
    if (run_dir / "run.json").is_file():
        record = read_record(run_dir)
        names = {path.name for path in gone}
        record.outputs = {name: one for name, one in record.outputs.items() if name not in names}
        write_record(record, run_dir)
    for path in gone:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
