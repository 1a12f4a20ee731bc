"""A good start on few images: it is led on gently, ends no worse, and resumes exactly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import START, run_yolokit
from tests.e2e.train.faults import plant
from tests.e2e.train.test_exact import assert_equal
from tests.e2e.train.test_killed import killer  # noqa: F401 - a fixture
from tests.e2e.train.test_train import read_until

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.slow
OPTIONS = ("--weights", START, "--imgsz", 160, "--batch", 8, "--device", "cpu")
NOISE = 0.03  # of mAP50-95 on the six images of val


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return new pictures of the parts that the checkpoint of the package knows."""
    folder = tmp_path_factory.mktemp("parts")
    run_yolokit(
        "data", "demo", "--classes", "pretrain", "--images", 40, "--seed", 12, "--video-seconds", 0,
        "--out", "drawn", cwd=folder,
    )  # fmt: skip
    run_yolokit("data", "convert", "drawn", "--out", "set", cwd=folder)
    return folder / "set" / "data.yaml"


def train(data: Path, name: str, *options: object, code: int = 0) -> tuple[Path, str]:
    done = run_yolokit(
        "train", "--data", data, "--name", name, *OPTIONS, *options, cwd=data.parent.parent,
        code=code,
    )  # fmt: skip
    return data.parent.parent / "runs" / "train" / name, done.stderr


def read_record(run: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((run / "run.json").read_text())
    return record


def test_a_good_start_ends_no_worse_and_the_reason_is_said(parts: Path) -> None:
    run, said = train(parts, "gentle", "--epochs", 5)
    record = read_record(run)
    start = record["start_epoch"]["metrics"]["mAP50-95"]
    last = record["epochs"][-1]["metrics"]["mAP50-95"]
    assert start > 0.3, "it is a good start"
    assert last > start - NOISE
    assert "the start knows the classes and finds its objects" in record["used"]["lr0_reason"]
    assert "the start knows the classes and finds its objects" in said
    assert record["used"]["lr0_reason"] in (run / "report.html").read_text().replace("&#x27;", "'")

    run, _said = train(parts, "usual", "--epochs", 5, "--lr", 0.002)
    record = read_record(run)
    assert (record["used"]["lr0"], record["used"]["lr0_reason"]) == (0.002, None)
    assert record["epochs"][-1]["metrics"]["mAP50-95"] < last - NOISE, "which the rule prevents"


@pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")
@pytest.mark.usefixtures("killer")
def test_a_killed_run_goes_on_with_the_same_rates(
    parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed while the start is saved, with the rate, and in the middle of the cycle."""
    options = ("--epochs", 3, "--set", "schedule=one-cycle", "--set", "precision=fp32")
    whole, _said = train(parts, "whole", *options)
    for name, moment in (("early", "os.rename best.pt 1"), ("late", "os.rename last.pt 3")):
        with monkeypatch.context() as patch:
            patch.setenv("KILL_AT", moment)
            killed, _said = train(parts, name, *options, code=1)
        run_yolokit("train", "--resume", "--name", name, cwd=parts.parent.parent)
        assert_equal(killed, whole)
        used = [read_record(run)["used"] for run in (killed, whole)]
        assert used[0]["lr0"] == used[1]["lr0"]
        assert used[0]["lr0_reason"] == used[1]["lr0_reason"] is not None
    rates = [epoch["metrics"]["learning_rate"] for epoch in read_record(whole)["epochs"]]
    assert rates[0] > rates[1] > rates[2], "the last of each epoch; it is highest in the first"


def test_a_first_epoch_that_is_trained_once_more_is_as_gentle(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, tmp_path / "planted", "nan 1 1 1")
    run, _said = train(parts, "again", "--epochs", 1)
    record = read_record(run)
    (epoch,) = record["epochs"]
    assert epoch["retries"] == 1
    assert epoch["metrics"]["learning_rate"] <= record["used"]["lr0"]
    hook = torch.load(run / "state.pt", weights_only=True)["hooks"]["GentleStart"]
    assert hook["holds"]
    assert hook["reason"] == record["used"]["lr0_reason"]


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_an_interrupted_measurement_of_the_start_leaves_nothing_to_go_on_with(parts: Path) -> None:
    """A resumed run would not measure it, and take an epoch for best.pt that is worse."""
    command = [
        sys.executable, "-m", "yolokit", "train", "--data", parts, "--weights", START, "--epochs",
        1, "--imgsz", 640, "--device", "cpu", "--name", "short",
    ]  # fmt: skip
    with subprocess.Popen(
        list(map(str, command)), cwd=parts.parent.parent, stderr=subprocess.PIPE, text=True
    ) as process:
        read_until(process, "measuring the start")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130, said
    assert list((parts.parent.parent / "runs" / "train" / "short").glob("*.pt")) == []
    train(parts, "short", "--epochs", 1)
