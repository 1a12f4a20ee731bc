"""What a listener may wish, and what becomes of a run whose listener fails."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

import yolokit
from yolokit.core.events import EpochEnd, Event, Notice
from yolokit.errors import JobCancelledError
from yolokit.train.record import read_record
from yolokit.train.run import resume_training

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
SMALL: dict[str, Any] = {"weights": "none", "imgsz": 64, "batch": 4, "device": "cpu", "epochs": 4}


def read_epochs(folder: Path, name: str) -> list[int]:
    with (folder / name).open(newline="") as stream:
        return [int(row["epoch"]) for row in csv.DictReader(stream)]


def test_it_may_end_a_training_as_complete(squares: Path) -> None:
    """At once: the epoch in progress is dropped, and weights are those of the last whole one."""
    told: list[str] = []

    def stop_early(event: Event) -> None:
        if isinstance(event, EpochEnd) and event.epoch >= 2:
            raise yolokit.StopTraining("good enough")
        if isinstance(event, Notice):
            told.append(event.message)

    out = squares.parent / "run"
    run = yolokit.train_model(squares, out=out, on_event=stop_early, **SMALL)
    record = read_record(out)
    assert record.state == "complete"
    assert [epoch.epoch for epoch in record.epochs] == [1, 2]
    assert record.stopped is not None
    assert (record.stopped.reason, record.stopped.why) == ("asked", "good enough")
    assert run.best.is_file()
    assert record.outputs.keys() >= {"best.pt", "last.pt"}
    assert (out / "report.html").is_file()
    assert read_epochs(out, "results.csv") == [1, 2]
    assert not (out / "engine").exists()
    assert "stopped after epoch 2 of 4, as on_event asked: good enough" in told


def test_before_the_first_epoch_is_done_there_is_nothing_to_keep(squares: Path) -> None:
    def stop(event: Event) -> None:
        if not isinstance(event, Notice):
            raise yolokit.StopTraining

    def after_start(event: Event) -> None:
        if type(event).__name__ == "Settled":
            stop(event)

    out = squares.parent / "run"
    with pytest.raises(JobCancelledError, match="before its first epoch"):
        yolokit.train_model(squares, out=out, on_event=after_start, **SMALL)
    assert read_record(out).state == "interrupted"


def test_a_run_whose_listener_fails_can_be_resumed(squares: Path) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, EpochEnd) and event.epoch == 2:
            raise ZeroDivisionError("a mistake of mine")

    out = squares.parent / "run"
    with pytest.raises(ZeroDivisionError, match="a mistake of mine") as caught:
        yolokit.train_model(
            squares, out=out, on_event=fail, log=["tensorboard"], watch="gradients", **SMALL
        )
    assert any("yolokit train --resume --out" in note for note in caught.value.__notes__)
    record = read_record(out)
    assert (record.state, record.error) == ("failed", "a mistake of mine")
    assert read_epochs(out, "results.csv") == [1, 2]

    resume_training(out)
    record = read_record(out)
    assert record.state == "complete"
    assert [epoch.epoch for epoch in record.epochs] == [1, 2, 3, 4]
    assert read_epochs(out, "results.csv") == [1, 2, 3, 4]
    assert sorted(set(read_epochs(out, "gradients.csv"))) == [1, 2, 3, 4]
    assert "Gradients are sound" in (out / "report.html").read_text()
    assert read_board(out) == [1, 2, 3, 4]


def read_board(run_dir: Path) -> list[int]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board: Any = EventAccumulator(str(run_dir / "tensorboard")).Reload()
    return [scalar.step for scalar in board.Scalars("loss/train_box_loss")]
