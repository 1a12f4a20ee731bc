"""Commands that are ended from outside, and what the next ones make of it, in containers too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import find_process_1, run_yolokit

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
ENDS = [("SIGTERM", 143), ("SIGHUP", 129)]


def start(cwd: Path, *arguments: object, before: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-m", "yolokit", *map(str, arguments)],
        cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for(found: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not found():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


def read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if words in line:
            return
    raise AssertionError("".join(lines))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A list of one picture, many times."""
    picture = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    path = tmp_path / "photos.txt"
    path.write_text("a.png\n" * 3000)
    return path


@pytest.mark.parametrize(("name", "code"), ENDS)
def test_predict_leaves_nothing(
    name: str, code: int, bccd_model: Path, photos: Path, tmp_path: Path
) -> None:
    process = start(tmp_path, "predict", bccd_model, photos, "--out", "night")
    wait_for(lambda: list(tmp_path.glob(".night.*/images/*")), process)
    process.send_signal(getattr(signal, name))
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code, said
    assert said.splitlines()[-1] == "interrupted"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "photos.txt"]


@pytest.mark.parametrize(("name", "code"), ENDS)
def test_data_demo_leaves_nothing(name: str, code: int, tmp_path: Path) -> None:
    process = start(tmp_path, "data", "demo", "--out", "d", "--images", 4000)
    wait_for(lambda: list(tmp_path.glob(".d.*/images/*/*")), process)
    process.send_signal(getattr(signal, name))
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code, said
    assert list(tmp_path.iterdir()) == []


def test_names_that_killed_containers_held_are_free_again(
    bccd_model: Path, photos: Path, tmp_path: Path, own_numbers: list[str]
) -> None:
    runs = tmp_path / "runs" / "predict"
    words = ("predict", bccd_model, photos)
    living = start(tmp_path, *words, before=tuple(own_numbers))
    wait_for(lambda: list(runs.glob(f".{bccd_model.stem}.*/images/*")), living)
    second = start(tmp_path, *words, before=tuple(own_numbers))
    wait_for(lambda: list(runs.glob(f".{bccd_model.stem}-2.*/images/*")), second)
    for process in (second, living):
        process.kill()
        process.communicate()
    assert len(list(runs.iterdir())) == 4, "parts and their locks"
    run_yolokit("predict", bccd_model, "a.png", cwd=tmp_path)
    assert os.listdir(runs) == [bccd_model.stem]


@pytest.mark.slow
def test_a_run_in_a_container_is_seen_alive_and_gone_on_with_once_it_was_killed(
    squares: Path, own_numbers: list[str]
) -> None:
    folder, run = squares.parent, squares.parent / "run"
    options = ("--data", squares, "--imgsz", 32, "--batch", 4, "--device", "cpu", "--out", run)
    process = start(folder, "train", *options, "--epochs", 300, before=tuple(own_numbers))
    read_until(process, "epoch 1/300")
    refused = run_yolokit("train", "--resume", "--out", run, cwd=folder, code=1)
    assert "still going on" in refused.stderr
    process.kill()
    process.communicate()
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "running"

    words = ("train", "--resume", "--out", run)
    again = start(folder, *words, before=tuple(own_numbers))
    read_until(again, "/300: ")
    assert "still going on" in run_yolokit(*words, cwd=folder, code=1).stderr
    os.kill(find_process_1(again), signal.SIGTERM)
    said = again.communicate(timeout=300)[1]
    assert again.returncode == 143, said
    assert "--resume" in said
    record = json.loads((run / "run.json").read_text())
    assert record["state"] == "interrupted"
    assert not list(run.glob(".*")), "no lock, no part"
