"""What a person sees of a training where there is no terminal, and the arithmetic of time left."""

from __future__ import annotations

import sys
import time

import pytest

from yolokit.cli.train_progress import Pace, describe_start, show_progress
from yolokit.core.events import BatchEnd, EpochEnd, Notice, Phase, StartScore
from yolokit.engine_protocol.training import TransferGroup, TransferReport


def batch(epoch: int, number: int) -> BatchEnd:
    return BatchEnd(epoch, 2, number, 5, 16, {"box_loss": 1.234, "cls_loss": 0.5})


def test_one_line_an_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as show:
        show(Phase("training"))
        show(Notice("device cpu"))
        for number in range(1, 6):
            show(batch(1, number))
        losses = {"train_box_loss": 1.234, "train_cls_loss": 0.5, "val_box_loss": 9.0}
        show(EpochEnd(1, 2, {"mAP50-95": 0.25, **losses}, 3.0, 5, is_last=False))
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert lines[:2] == ["training ...", "device cpu"]
    assert lines[2].startswith("epoch 1/2: box 1.23 cls 0.50  mAP50-95 0.250")
    assert "images/s" in lines[2]
    assert lines[2].endswith("left")


def test_the_last_epoch_says_nothing_of_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    """Patience may end a training long before the last one that was planned."""
    with show_progress() as show:
        show(StartScore({"mAP50-95": 0.358, "mAP50": 0.7}, 1.0))
        show(batch(1, 4))
        show(batch(1, 5))
        show(EpochEnd(1, 2, {"mAP50-95": 0.25}, 3.0, 5, is_last=True))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "start: mAP50-95 0.358, mAP50 0.700, on val before training"
    assert lines[1].endswith("images/s")


def test_what_epochs_are_judged_by_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = {"mAP50-95": 0.358, "mAP50": 0.7, "recall@0.9": 0.55, "recall": 0.6}
    with show_progress() as show:
        show(StartScore(metrics, 1.0, "recall@0.9"))
        show(batch(1, 5))
        show(EpochEnd(1, 2, metrics, 3.0, 5, is_last=True, fitness="recall@0.9"))
        show(EpochEnd(2, 2, {}, 3.0, 5, is_last=True, fitness="recall@0.9"))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("start: recall@0.9 0.550, mAP50-95 0.358, mAP50 0.700, on val")
    assert "  recall@0.9 0.550, mAP50-95 0.358" in lines[1]
    assert "recall" not in lines[2], "it was not validated"


def test_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = Pace()
    assert pace.seconds_left(batch(1, 1)) is None
    pace.note(batch(1, 1))
    assert pace.images_per_s == 0
    for number in (2, 3):
        now += 2.0
        pace.note(batch(1, number))
    assert pace.images_per_s == pytest.approx(8.0)
    assert pace.seconds_left(batch(1, 3)) == pytest.approx(14.0), "7 of 10 steps at 2 s"


@pytest.mark.parametrize(
    ("batch_s", "words"),
    [(0.3, "  53 images/s"), (40.0, "  0.4 images/s"), (400.0, "  25 s an image")],
)
def test_a_slow_computer_is_not_at_rest(
    monkeypatch: pytest.MonkeyPatch, batch_s: float, words: str
) -> None:
    """16 images a batch: a rate never reads as 0."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    pace = Pace()
    pace.note(batch(1, 1))
    now += batch_s
    pace.note(batch(1, 2))
    assert pace.describe() == words


def test_foreign_words_on_a_terminal_are_escaped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with show_progress() as show:
        show(Phase("[/odd] \x1b]0;pwned\x07"))
        show(Notice("notice [/odd] \x1b]0;pwned\x07"))
    error = capsys.readouterr().err
    assert r"notice [/odd] \x1b]0;pwned\x07" in error
    assert "\x1b]0" not in error


def test_a_start_tells_what_is_left_in_the_source_and_what_is_frozen() -> None:
    group = TransferGroup(part="backbone", action="taken", reason="", tensors=3, values=2000)
    left = TransferGroup(part="head", action="left", reason="not asked for", tensors=2, values=9)
    report = TransferReport(
        kind="backbone", groups=[group], left=[left], frozen=[0, 1, 2, 4], unfrozen=[9]
    )
    lines = describe_start(report).splitlines()
    assert lines[0] == "start (backbone): 3 of 3 tensors come from the weights"
    assert lines[-3].split() == ["head", "left", "2", "9", "not", "asked", "for"]
    assert lines[-2] == "frozen: layers 0-2, 4"
    assert lines[-1] == (
        "not frozen, although asked for: layer 9; fresh weights have to be trained"
    )
