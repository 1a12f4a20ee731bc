"""A search by two processes at once, of which one is killed; gone on with, and made use of."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import run_yolokit
from tests.processes import list_descendants, wait_for_end
from yolokit.train.record import read_record

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="kill -9 is POSIX")]
SMALL = ("--arch", "yolo26n", "--epochs", 2, "--imgsz", 64, "--batch", 4, "--device", "cpu")
_WAIT_S = 600


def start(data: Path, trials: int) -> subprocess.Popen[str]:
    words = ["tune", "--data", data, "--name", "a", *SMALL, "--trials", trials, "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "yolokit", *map(str, words)],
        cwd=data.parent, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for(path: Path) -> None:
    until = time.monotonic() + _WAIT_S
    while not path.exists():
        assert time.monotonic() < until, f"{path} does not come"
        time.sleep(0.1)


def read_table(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_a_search_of_two_processes_survives_the_death_of_one(data: Path) -> None:
    folder = data.parent / "runs" / "tune" / "a"
    one, other = start(data, 3), start(data, 3)
    for number in (1, 2):  # each makes one of them
        wait_for(folder / "trials" / f"{number:03}" / "run.json")
    children = list_descendants(other.pid)
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert wait_for_end(children, 60) == []
    out, err = one.communicate(timeout=_WAIT_S)
    assert one.returncode == 0, err
    result = json.loads(out)
    assert [each["state"] for each in result["trials"]] == ["complete"] * 3
    assert [each["epochs"] for each in result["trials"]] == [2] * 3

    refused = run_yolokit(
        "tune", "--data", data, "--name", "a", *SMALL, "--seed", 1, cwd=data.parent, code=2
    )
    assert "seed: 1, where it began with 0" in refused.stderr
    run_yolokit("tune", "--data", data, "--name", "a", *SMALL, "--trials", 4, cwd=data.parent)
    assert [row["number"] for row in read_table(folder)] == ["1", "2", "3", "4"]
    assert len(list(folder.rglob("*.pt"))) == 1
    assert not list(folder.rglob(".*yolokit-part*"))
    assert not list(folder.glob(".worker-*"))

    run_yolokit(
        "train", "--data", data, "--preset", folder / "best.yaml", "--epochs", 1, "--device", "cpu",
        "--name", "tuned", cwd=data.parent,
    )  # fmt: skip
    tuned = read_record(data.parent / "runs" / "train" / "tuned").config
    tried = read_record(folder / "trials" / f"{_find_best(folder):03}").config
    assert (tuned.mosaic, tuned.scale, tuned.lr, tuned.optimizer, tuned.imgsz) == (
        tried.mosaic, tried.scale, tried.lr, tried.optimizer, 64,
    )  # fmt: skip


def _find_best(folder: Path) -> int:
    rows = [row for row in read_table(folder) if row["state"] == "complete"]
    return int(max(rows, key=lambda row: (float(row["score"]), -int(row["number"])))["number"])


def test_an_interrupted_search_says_how_to_go_on(data: Path) -> None:
    folder = data.parent / "runs" / "tune" / "a"
    search = start(data, 2)
    wait_for(folder / "trials" / "001" / "run.json")
    search.send_signal(signal.SIGINT)
    _, err = search.communicate(timeout=_WAIT_S)
    assert search.returncode == 130, err
    assert "hint: the same command goes on, with this trial too" in err
    assert "--resume" not in err
    again = start(data, 1)
    out, err = again.communicate(timeout=_WAIT_S)
    assert again.returncode == 0, err
    assert [each["state"] for each in json.loads(out)["trials"]] == ["complete"]
