"""``train --folds``: killed between and within folds, resumed, shown, compared; the final model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run_yolokit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX"),
]
SMALL = ("--imgsz", 64, "--batch", 4, "--device", "cpu", "--weights", "none", "--arch", "yolo11n")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 pictures of the demo, 3 of them in test."""
    folder = tmp_path_factory.mktemp("folds")
    run_yolokit("data", "demo", "--out", "raw", "--images", 20, "--video-seconds", 0, cwd=folder)
    run_yolokit("data", "convert", "raw", "--out", "set", cwd=folder)
    return folder / "set" / "data.yaml"


def train_until(data: Path, words: str, name: str, *options: object) -> None:
    """Train folds, and kill the command when it says something."""
    command = [sys.executable, "-m", "yolokit", "train", "--data", data, "--name", name, *SMALL]
    with subprocess.Popen(
        list(map(str, (*command, *options))), cwd=data.parent.parent, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if words in line:
                break
        else:
            raise AssertionError("".join(lines))
        process.kill()


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_three_folds_killed_between_and_within_go_on(demo: Path) -> None:
    folder = demo.parent.parent
    run = folder / "runs/train/a"
    train_until(demo, "fold 2 of 3: trained on", "a", "--folds", 3, "--epochs", 1)
    assert read(run / "fold-1/run.json")["state"] == "complete"
    done_first = (run / "fold-1/best.pt").stat().st_mtime_ns
    listed = run_yolokit("runs", "list", cwd=folder).stdout
    assert "a (3 folds)" in listed
    assert "killed" in listed
    shown = run_yolokit("runs", "show", "a", cwd=folder).stdout
    assert "over 1 of 3 folds" in shown
    assert "yolokit train --resume --name a" in shown
    again = run_yolokit("train", "--data", demo, "--folds", 3, "--name", "a", cwd=folder, code=2)
    assert "go on with them: `yolokit train --resume --name a`" in again.stderr

    resumed = run_yolokit("train", "--resume", "--name", "a", cwd=folder)
    assert "fold 1 of 3 is complete" in resumed.stderr
    assert (run / "fold-1/best.pt").stat().st_mtime_ns == done_first
    record = read(run / "folds.json")
    assert record["state"] == "complete"
    assert len(record["resumed"]) == 1
    assert resumed.stdout.splitlines()[-1] == str(run)
    assert "over 3 folds" in resumed.stdout
    _check_folds(run, demo)

    ended = run_yolokit("train", "--resume", "--name", "a", cwd=folder, code=1)
    assert "all 3 folds" in ended.stderr

    # The stored options deal alike.
    run_yolokit("train", "--config", run / "config.yaml", "--name", "b", cwd=folder)
    other = folder / "runs/train/b"
    assert (other / "dealing.csv").read_bytes() == (run / "dealing.csv").read_bytes()
    compared = run_yolokit("runs", "compare", "a", "b", "--report", "c.html", cwd=folder).stdout
    assert "Neither is shown to be better" in compared
    assert "0.0" in compared
    assert (folder / "c.html").is_file()
    refused = run_yolokit("runs", "compare", "a", "b/fold-1", cwd=folder, code=1)
    assert "has folds" in refused.stderr


def _check_folds(run: Path, demo: Path) -> None:
    """Each image of train and val was validated on once; none of test was seen."""
    images = demo.parent / "images"
    everything = sorted(
        str(path) for split in ("train", "val") for path in (images / split).glob("*.jpg")
    )
    validated = []
    for fold in (1, 2, 3):
        val = (run / f"fold-{fold}/val.txt").read_text().splitlines()
        train = (run / f"fold-{fold}/train.txt").read_text().splitlines()
        assert sorted([*val, *train]) == everything
        validated += val
        record = read(run / f"fold-{fold}/run.json")
        assert record["data"]["images"] == {"train": len(train), "val": len(val)}
        assert len(record["data"]["sha256"]) == 64
    assert sorted(validated) == everything


def test_a_fold_killed_in_its_second_epoch_keeps_the_first(demo: Path) -> None:
    folder = demo.parent.parent
    run = folder / "runs/train/k"
    train_until(demo, "epoch 1/2", "k", "--folds", 2, "--epochs", 2)
    assert not (run / "fold-2").exists()
    run_yolokit("train", "--resume", "--name", "k", "--batch", 6, cwd=folder)
    first, second = (read(run / f"fold-{fold}/run.json") for fold in (1, 2))
    assert len(first["resumed"]) == 1
    assert [epoch["epoch"] for epoch in first["epochs"]] == [1, 2]
    assert (first["config"]["batch"], second["config"]["batch"]) == (6, 6)
    assert second["resumed"] == []
    assert [one["option"] for one in read(run / "folds.json")["changes"]] == ["batch"]

    final = run_yolokit("train", "--config", run / "final.yaml", "--name", "all", cwd=folder)
    assert "allowed: leaking-images" in final.stderr
    record = read(folder / "runs/train/all/run.json")
    dealt = read(run / "folds.json")["dealing"]["folds"]
    assert record["data"]["images"]["train"] == sum(one["images"] for one in dealt)
    assert record["config"]["folds"] is None
