"""Of all trials the records stay, and the weights of the best one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.samples import searches
from yolokit.core.events import ignore
from yolokit.jobs.tune.keep import find_best, tidy_trials
from yolokit.jobs.tune.study import Trial
from yolokit.jobs.tune.trial import trial_folder
from yolokit.train.config import TrainConfig
from yolokit.train.record import read_record


def make(number: int, score: float | None, state: str = "complete") -> Trial:
    return Trial(number=number, state=state, values={}, score=score)  # type: ignore[arg-type]


@pytest.fixture
def trials(tmp_path: Path) -> tuple[Trial, ...]:
    for number in range(1, 5):
        config = TrainConfig.build({"data": "d", "epochs": 1})
        searches.train(config, ignore, folder=trial_folder(tmp_path, number))
    return (make(1, 0.2), make(2, 0.5), make(3, 0.1, "pruned"), make(4, None, "running"))


def names(folder: Path, number: int) -> set[str]:
    return {one.name for one in trial_folder(folder, number).iterdir()}


def test_the_weights_of_the_best_alone_are_kept(tmp_path: Path, trials: tuple[Trial, ...]) -> None:
    running = names(tmp_path, 4)
    tidy_trials(tmp_path, trials)
    assert names(tmp_path, 1) == {"run.json", "results.csv", "best.detections.npz"}
    assert names(tmp_path, 2) == {
        "run.json", "results.csv", "best.detections.npz", "report.html", "best.pt",
    }  # fmt: skip
    assert names(tmp_path, 3) == {"run.json", "results.csv"}
    assert names(tmp_path, 4) == running, "whoever makes it needs all of it"


def test_the_records_name_only_files_that_are_there(
    tmp_path: Path, trials: tuple[Trial, ...]
) -> None:
    tidy_trials(tmp_path, trials)
    assert read_record(trial_folder(tmp_path, 1)).outputs == {}
    assert list(read_record(trial_folder(tmp_path, 2)).outputs) == ["best.pt"]


def test_a_better_trial_takes_the_place_of_the_best(
    tmp_path: Path, trials: tuple[Trial, ...]
) -> None:
    tidy_trials(tmp_path, trials)
    tidy_trials(tmp_path, (*trials[:3], make(4, 0.6)))
    assert "best.pt" not in names(tmp_path, 2)
    assert "best.pt" in names(tmp_path, 4)
    tidy_trials(tmp_path, (*trials[:3], make(4, 0.6)))


def test_of_equal_trials_the_first_is_the_best() -> None:
    assert find_best([make(1, 0.5), make(2, 0.5)]) == make(1, 0.5)
    assert find_best([make(1, 0.1), make(2, 0.9, "pruned")]) == make(1, 0.1)
    assert find_best([make(1, None, "failed")]) is None
