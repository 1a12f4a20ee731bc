"""A trial gets its options, is gone on with where it was, and ends in an outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.samples import searches
from tests.samples.runs import make_record
from yolokit.core.events import BatchEnd, EpochEnd, Event, Notice, StopTraining, ignore
from yolokit.errors import DataError, TrainError
from yolokit.jobs.tune import trial as module
from yolokit.jobs.tune.study import Trial
from yolokit.jobs.tune.trial import Given, fill_options, judge, make_trial
from yolokit.jobs.tune.watching import PRUNED, TrialEvents
from yolokit.train.config import TrainConfig
from yolokit.train.record import Stop, read_record, write_record
from yolokit.train.run import TrainRun

FITNESS = "mAP50-95"
GIVEN = Given({"data": "d", "epochs": 4, "close_mosaic": 2}, {"data": "command line"})
VALUES = {"lr": 0.005, "mosaic": 0.5, "nbs": 32, "box_loss": "giou"}


def make(number: int, **values: Any) -> Trial:
    return Trial(number=number, state="running", values=VALUES | values)


@pytest.fixture(autouse=True)
def _no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "train_model", searches.train)


def test_the_first_trial_has_the_options_as_they_are_given() -> None:
    assert fill_options(GIVEN, make(1)) == GIVEN


def test_the_others_have_their_values_beside_them() -> None:
    filled = fill_options(GIVEN, make(2))
    assert filled.values == {**GIVEN.values, **VALUES}
    assert filled.origins["data"] == "command line"
    assert filled.origins["lr"] == "yolokit tune"


def test_an_option_that_a_value_makes_idle_is_left_out() -> None:
    filled = fill_options(GIVEN, make(2, mosaic=0.0))
    assert "close_mosaic" not in filled.values
    TrainConfig.build(filled.values)
    both = fill_options(GIVEN, make(2, mosaic=0.0, close_mosaic=3))
    TrainConfig.build(both.values)  # also where both are varied


def test_a_trial_is_an_ordinary_run(tmp_path: Path) -> None:
    options = fill_options(GIVEN, make(2))
    outcome = make_trial(2, options, tmp_path / "002", FITNESS, ignore)
    assert (outcome.state, outcome.score, outcome.epochs, outcome.seconds) == (
        "complete", 0.35, 4, 8.0,
    )  # fmt: skip
    record = read_record(tmp_path / "002")
    assert record.config.lr == 0.005
    assert record.origins == options.origins


def test_one_that_was_killed_before_its_first_epoch_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / ".run.json.yolokit-part-1").write_bytes(b"half")
    assert make_trial(2, GIVEN, tmp_path, FITNESS, ignore).state == "complete"
    assert not (tmp_path / "engine").exists()


def test_one_that_had_trained_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(make_record(2), tmp_path)
    (tmp_path / "last.pt").write_bytes(b"x")

    def resume(folder: Path, *, on_event: object) -> TrainRun:
        assert on_event is ignore
        return TrainRun(folder, make_record(4))

    monkeypatch.setattr(module, "resume_training", resume)
    assert make_trial(2, GIVEN, tmp_path, FITNESS, ignore).epochs == 4


def test_one_that_was_complete_is_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = make_record(3)
    record.state = "complete"
    write_record(record, tmp_path)
    (tmp_path / "last.pt").write_bytes(b"x")
    monkeypatch.setattr(module, "resume_training", None)
    monkeypatch.setattr(module, "train_model", None)
    assert make_trial(2, GIVEN, tmp_path, FITNESS, ignore).score == 0.03


def fail_with(error: Exception) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_a_training_that_fails_is_a_failed_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "train_model", fail_with(TrainError("the loss is NaN")))
    outcome = make_trial(2, GIVEN, tmp_path, FITNESS, ignore)
    assert (outcome.state, outcome.why, outcome.score) == ("failed", "the loss is NaN", None)


@pytest.mark.parametrize(
    ("number", "error"), [(1, TrainError("no memory")), (2, DataError("no labels"))]
)
def test_what_every_trial_would_meet_ends_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: Exception
) -> None:
    monkeypatch.setattr(module, "train_model", fail_with(error))
    with pytest.raises(type(error)):
        make_trial(number, GIVEN, tmp_path, FITNESS, ignore)


def test_the_start_is_no_merit_of_a_trial() -> None:
    record = make_record(2)
    assert record.start_epoch is not None
    record.start_epoch.metrics["mAP50-95"] = 0.9
    outcome = judge(record, FITNESS)
    assert (outcome.score, outcome.start_score) == (0.02, 0.9)


def test_a_run_without_a_score_is_a_failure() -> None:
    assert judge(make_record(0), FITNESS).state == "failed"


def test_how_a_run_was_stopped_decides_what_it_is() -> None:
    record = make_record(2)
    for why, state in ((PRUNED, "pruned"), ("enough for me", "complete"), (None, "complete")):
        record.stopped = Stop(reason="asked", epoch=2, best=2, why=why)
        assert judge(record, FITNESS).state == state


def end_of(epoch: int, *, is_last: bool = False) -> EpochEnd:
    return EpochEnd(epoch, 4, {"mAP50-95": 0.1}, 1.0, 4, is_last)


def test_a_bad_trial_is_ended_but_not_in_its_last_epoch() -> None:
    scored: list[tuple[int, float]] = []

    def score(epoch: int, value: float) -> bool:
        scored.append((epoch, value))
        return epoch > 1

    watch = TrialEvents(score, FITNESS, set(), ignore)
    watch(end_of(1))
    with pytest.raises(StopTraining, match="pruned"):
        watch(end_of(2))
    watch(end_of(4, is_last=True))
    assert scored == [(1, 0.1), (2, 0.1), (4, 0.1)]


def test_what_was_told_of_one_trial_is_not_told_of_the_next() -> None:
    heard: list[Event] = []
    told: set[bytes] = set()
    for number in (1, 2):
        watch = TrialEvents(lambda *_: False, FITNESS, told, heard.append)
        watch(Notice("device cpu"))
        watch(Notice(f"only of {number}"))
        watch(BatchEnd(1, 4, 1, 1, 8, {}))
        watch(end_of(4, is_last=True))
        watch(Notice("verdict: train longer"))
    said = [event.message for event in heard if isinstance(event, Notice)]
    assert said == ["device cpu", "only of 1", "only of 2"]
    assert sum(isinstance(event, BatchEnd) for event in heard) == 2
