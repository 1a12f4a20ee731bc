"""``yolokit bench`` as a user runs it: it times, proves, keeps, and ``predict`` takes it up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.conftest import run_yolokit
from tests.processes import find_running, list_descendants, wait_for_end
from tests.unit.runtime.conftest import save_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "tiny.onnx", bright_scores=True)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((64, 64, 3), 255, np.uint8))
    return folder


def test_the_best_is_kept_and_predict_takes_it(model: Path, photos: Path, home: Path) -> None:
    words = ("bench", model, "--providers", "cpu", "--threads", "1", "--budget", 8)
    done = run_yolokit(*words, "--source", photos, cwd=model.parent)
    assert "* " in done.stdout
    assert "cpu fp32" in done.stdout
    assert "predict, ms an image" in done.stdout
    assert "timing tiny.onnx takes up to 8 s (--budget)" in done.stderr
    [profile] = (home / "profiles").iterdir()
    assert f"kept in {profile}" in done.stderr
    kept = json.loads(profile.read_text())
    assert (kept["provider"], kept["precision"], kept["threads"]) == ("cpu", "fp32", 1)

    predicted = run_yolokit("predict", model, photos, cwd=model.parent)
    assert "note: runs on cpu in fp32 with 1 thread, which `yolokit bench`" in predicted.stderr
    asked = run_yolokit("predict", model, photos, "--threads", 2, cwd=model.parent)
    assert "yolokit bench" not in asked.stderr

    shown = run_yolokit("bench", model, "--show", cwd=model.parent)
    assert "cpu in fp32, 1 thread" in shown.stdout
    gone = run_yolokit("bench", model, "--forget", cwd=model.parent)
    assert gone.stdout == f"removed {profile}\n"
    assert not list((home / "profiles").iterdir())


def test_machines_get_one_object(model: Path) -> None:
    done = run_yolokit(
        "bench", model, "--providers", "cpu,qnn", "--budget", 6, "--quick", "--json",
        cwd=model.parent,
    )  # fmt: skip
    report = json.loads(done.stdout)
    [row] = report["rows"]
    assert row["combination"]["provider"] == "cpu"
    assert row["check"]["verdict"] == "equal"
    assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    assert row["rounds"] == 5
    assert report["best"] == row["combination"]
    assert report["is_partial"] is False
    assert [one["what"] for one in report["left_out"]] == ["qnn"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")
def test_an_interrupt_keeps_what_is_done_and_leaves_no_process(model: Path, home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "yolokit", "bench", str(model), "--providers", "cpu"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=model.parent,
    )  # fmt: skip
    until = time.monotonic() + 60
    children: list[int] = []  # those that time a model: others only ask what a provider has
    while not children and time.monotonic() < until:
        children = find_running(list_descendants(process.pid), "timing.child")
        time.sleep(0.05)
    assert children
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopped early" in err
    assert "cpu fp32" in out
    assert not (home / "profiles").exists()
    assert not wait_for_end(children, 10)
