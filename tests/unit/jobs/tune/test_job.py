"""A search from its start to its end, with trainings that take no time."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import yolokit
from tests.samples import searches
from tests.samples.runs import make_record
from yolokit.core.events import EpochEnd, Event, Notice, OnEvent, ignore
from yolokit.errors import ConfigError, JobCancelledError, MissingDependencyError, TrainError
from yolokit.jobs.tune import job, trial
from yolokit.jobs.tune.config import TuneConfig
from yolokit.jobs.tune.job import TuneResult, tune_model
from yolokit.jobs.tune.trial import trial_folder
from yolokit.train.config import TrainConfig
from yolokit.train.config.presets import read_preset
from yolokit.train.record import read_record

SPACE = "lr: {log: [1.0e-5, 1.0e-2]}\nmosaic: {float: [0, 1]}\n"


class Search:
    """Runs a search in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "search"
        self.space = folder / "space.yaml"
        self.space.write_text(SPACE)
        self.told: list[str] = []

    def run(self, **options: Any) -> TuneResult:
        given: dict[str, Any] = {
            "data": "d.yaml",
            "space": self.space,
            "epochs": 4,
            "close_mosaic": 1,
        }
        self.told.clear()
        return tune_model(TuneConfig.build(given | options), self.listen, folder=self.folder)

    def listen(self, event: Event) -> None:
        if isinstance(event, Notice):
            self.told.append(event.message)


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    data = SimpleNamespace(path=tmp_path / "set" / "data.yaml", sha256="d" * 64)
    plan = SimpleNamespace(record=lambda: None)
    found = SimpleNamespace(sha256="d" * 64, images_sha256="e" * 64)
    monkeypatch.setattr(job, "check_options", lambda *_: (data, plan))
    monkeypatch.setattr("yolokit.jobs.tune.search.record_data", lambda _data: found)
    monkeypatch.setattr(trial, "train_model", searches.train)
    return Search(tmp_path)


def test_a_search_finds_better_options_and_says_what_was_gained(search: Search) -> None:
    result = search.run(trials=12)
    assert len(result.trials) == 12
    assert result.best is not None
    assert result.own.score == 0.2
    assert result.best.score is not None
    assert result.best.score > 0.3
    assert search.told[0] == f"{search.folder}: 12 trials to make"
    assert search.told[1] == "trial 1 of 12: your own options"
    assert "trial 1: mAP50-95 0.2000, the best so far" in search.told
    assert {one.name for one in search.folder.iterdir()} == {
        "search.json", "trials.journal", "trials.csv", "trials", "best.yaml", "report.html",
    }  # fmt: skip


def test_the_best_options_are_a_preset(search: Search) -> None:
    result = search.run(trials=6, weights="a.pt")
    assert result.preset == search.folder / "best.yaml"
    assert result.best is not None
    stated = read_preset(str(result.preset))
    assert "data" not in stated
    config = TrainConfig.build({"data": "other.yaml", "preset": str(result.preset)})
    assert (config.lr, config.mosaic) == (result.best.values["lr"], result.best.values["mosaic"])
    assert (config.epochs, config.weights) == (4, "a.pt")
    text = result.preset.read_text("utf-8")
    assert "your own options had 0.2000" in text
    assert "# tried: 1e-05 to 0.01" in text


def test_the_table_has_a_row_for_each_trial(search: Search) -> None:
    result = search.run(trials=3)
    with (search.folder / "trials.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["number"] for row in rows] == ["1", "2", "3"]
    assert float(rows[1]["lr"]) == result.trials[1].values["lr"]
    assert rows[0]["lr"] == "", "your own rate was auto"


def test_the_weights_of_the_best_are_there(search: Search) -> None:
    result = search.run(trials=5)
    assert result.best is not None
    assert result.weights is not None
    assert result.weights.is_file()
    assert len(list(search.folder.rglob("*.pt"))) == 1
    for number in range(1, 6):
        assert read_record(trial_folder(search.folder, number)).state == "complete"


def test_the_same_command_goes_on_and_states_the_budget(search: Search) -> None:
    search.run(trials=2)
    assert len(search.run(trials=2).trials) == 2
    said = "2 trials are done, as many as are wanted; a larger --trials goes on"
    assert search.told == [f"{search.folder}: {said}"]
    assert len(search.run(trials=5).trials) == 5
    assert search.told[0] == f"{search.folder}: 2 trials are done, 3 trials to make"


def test_no_trial_is_begun_after_the_hours(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 100_000, 1500))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert len(search.run(hours=1).trials) == 2
    assert search.told[0] == f"{search.folder}: no new trial after 1 h 00 min"


def test_bad_trials_are_ended_early(search: Search) -> None:
    result = search.run(trials=15)
    pruned = [one for one in result.trials if one.state == "pruned"]
    assert pruned
    assert all(one.epochs < 4 for one in pruned)
    assert result.own.state == "complete"
    assert any("ended after 2 epochs" in told for told in search.told)


def test_all_are_trained_to_their_end_if_that_is_asked_for(search: Search) -> None:
    result = search.run(trials=15, no_pruning=True)
    assert {one.state for one in result.trials} == {"complete"}


def test_several_devices_prune_nothing() -> None:
    assert not TuneConfig.build({"data": "d", "device": "0,1"}).prunes
    assert TuneConfig.build({"data": "d", "device": "0"}).prunes


def interrupt_at(number: int) -> Callable[..., Any]:
    def train(
        config: TrainConfig, on_event: OnEvent, *, folder: Path, origins: dict[str, str]
    ) -> Any:
        if folder.name == f"{number:03}":
            folder.mkdir(parents=True)
            raise JobCancelledError("interrupted", hint="yolokit train --resume")
        return searches.train(config, on_event, folder=folder, origins=origins)

    return train


def test_an_interrupted_trial_is_made_when_the_search_goes_on(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "train_model", interrupt_at(3))
    with pytest.raises(JobCancelledError) as caught:
        search.run(trials=5)
    assert caught.value.hint == "the same command goes on, with this trial too"
    assert (search.folder / "best.yaml").is_file(), "as of the trials before"
    monkeypatch.setattr(trial, "train_model", searches.train)
    result = search.run(trials=5)
    assert [one.state for one in result.trials] == ["complete"] * 5
    assert not list(search.folder.rglob(".*.yolokit-part-*"))


def fail(*_: object, **__: object) -> None:
    raise TrainError("the loss is NaN")


def test_one_trial_that_fails_is_told_and_counts(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    search.run(trials=2)
    monkeypatch.setattr(trial, "train_model", fail)
    result = search.run(trials=3)
    assert (result.trials[2].state, result.trials[2].why) == ("failed", "the loss is NaN")
    assert "trial 3 failed: the loss is NaN" in search.told
    assert "The loss is NaN".lower() in (search.folder / "report.html").read_text().lower()


def test_where_trial_after_trial_fails_the_search_ends(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    search.run(trials=2)
    monkeypatch.setattr(trial, "train_model", fail)
    with pytest.raises(TrainError, match="the last 3 trials all failed; the last: the loss is NaN"):
        search.run(trials=20)


def test_where_the_users_own_options_fail_the_search_ends_and_can_begin_again(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "train_model", fail)
    with pytest.raises(TrainError, match="NaN"):
        search.run(trials=2)
    monkeypatch.setattr(trial, "train_model", searches.train)
    assert [one.state for one in search.run(trials=2).trials] == ["complete"] * 2


def test_another_question_in_the_same_folder_is_refused(search: Search) -> None:
    search.run(trials=1)
    search.space.write_text(SPACE.replace("1.0e-2", "1.0e-3"))
    with pytest.raises(ConfigError, match=r"space: lr is 1e-05 to 0\.001"):
        search.run(trials=2)


def test_options_without_effect_are_told(search: Search) -> None:
    search.run(trials=1)
    assert not any("without effect" in told for told in search.told)
    search.folder = search.folder.with_name("other")
    search.run(trials=1, close_mosaic=10)
    assert any("mosaic: varied without effect" in told for told in search.told)


def test_events_of_the_trials_are_handed_on(search: Search) -> None:
    seen: list[Event] = []
    config = TuneConfig.build({"data": "d", "space": search.space, "epochs": 2, "trials": 2})
    tune_model(config, seen.append, folder=search.folder)
    assert sum(isinstance(one, EpochEnd) for one in seen) == 4


def test_without_optuna_it_says_how_to_get_it(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "is_installed", lambda _module: False)
    with pytest.raises(MissingDependencyError, match="needs optuna, which is not") as caught:
        search.run()
    assert "tune" in (caught.value.hint or "")
    assert not search.folder.exists()


def test_python_has_it_too(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(search.folder.parent)
    result = yolokit.tune_model("d.yaml", space=search.space, epochs=4, trials=2)
    assert result.folder == Path("runs/tune/set").resolve()
    assert make_record().config.epochs == TuneConfig(data="d").epochs
    with pytest.raises(ConfigError, match="nnodes"):
        yolokit.tune_model("d.yaml", nnodes=2, on_event=ignore)  # type: ignore[arg-type]
    with pytest.raises(ConfigError) as caught:
        yolokit.tune_model("d.yaml", folds=3, on_event=ignore)
    assert caught.value.problems == (
        "folds: is for `yolokit train`; a search trains each trial once, and measures it on val",
    )


def test_how_many_trials_are_wanted() -> None:
    assert TuneConfig(data="d").wanted == 20
    assert TuneConfig(data="d", hours=2.0).wanted is None
    assert TuneConfig(data="d", hours=2.0, trials=5).wanted == 5
