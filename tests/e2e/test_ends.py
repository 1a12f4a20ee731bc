"""Commands that are ended from outside, and what the next ones make of it, in containers too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import find_process_1, run_yolokit
from yolokit.runtime.sinks.video import Mp4Writer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
ENDS = [("SIGTERM", 143), ("SIGHUP", 129)]
# A sink that never comes back from its fifth picture, as on a network folder that is gone.
STUCK = """
import sys, time
from pathlib import Path
from yolokit.cli.main import main
from yolokit.runtime.sinks import images

model, photos, ready = sys.argv[1:]
write, count = images.AnnotatedImages.write, 0

def write_slowly(*arguments):
    global count
    count += 1
    if count == 5:
        Path(ready).touch()
        time.sleep(60)
    return write(*arguments)

images.AnnotatedImages.write = write_slowly
main(["predict", model, photos, "--out", "night"])
"""


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


def read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A list of one picture, many times."""
    picture = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    path = tmp_path / "photos.txt"
    path.write_text("a.png\n" * 3000)
    return path


@pytest.fixture
def long_clip(tmp_path: Path) -> Path:
    """A video of two minutes."""
    path = tmp_path / "clip.mp4"
    writer = Mp4Writer(path, (64, 64), fps=Fraction(25), time_base=Fraction(1, 25))
    for index in range(3000):
        writer.write(np.full((64, 64, 3), index % 250, np.uint8), index / 25)
    writer.close()
    return path


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), *ENDS])
def test_predict_publishes_what_is_done(
    name: str, code: int, bccd_model: Path, photos: Path, tmp_path: Path
) -> None:
    process = start(tmp_path, "predict", bccd_model, photos, "--out", "night")
    wait_for(lambda: list(tmp_path.glob(".night.*/images/*")), process)
    for _ in range(2):  # as `timeout` does it; no second wish
        process.send_signal(getattr(signal, name))
    said = process.communicate(timeout=60)[1]
    assert process.returncode == code, said
    assert said.splitlines()[-1] == "interrupted"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "night", "photos.txt"]
    records = [json.loads(line) for line in read_lines(tmp_path / "night" / "predictions.jsonl")]
    are = "is" if len(records) == 1 else "are"
    assert f"stopped early: {len(records)} of 3000 images {are} done, as partial.json" in said
    for record in records:
        assert cv2.imread(str(tmp_path / "night" / record["picture"])) is not None
    assert len(os.listdir(tmp_path / "night" / "images")) == len(records)
    mark = json.loads((tmp_path / "night" / "partial.json").read_text())
    assert (mark["frames"], mark["frames_expected"]) == (len(records), 3000)
    assert mark["last_index"] == records[-1]["index"] == len(records) - 1

    run_yolokit("predict", bccd_model, "a.png", "--out", "night", cwd=tmp_path, code=2)
    run_yolokit("predict", bccd_model, "a.png", "--out", "night", "--overwrite", cwd=tmp_path)
    assert sorted(os.listdir(tmp_path / "night")) == ["images", "predictions.jsonl"]


def test_predict_closes_a_video_that_is_cut(
    bccd_model: Path, long_clip: Path, tmp_path: Path
) -> None:
    import av

    process = start(tmp_path, "predict", bccd_model, long_clip, "--out", "night")
    records = tmp_path / "night" / "predictions.jsonl"
    wait_for(lambda: [p for p in tmp_path.glob(".night.*/*.jsonl") if p.stat().st_size], process)
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 143, said
    count = len(read_lines(records))
    assert 0 < count < 3000
    with av.open(str(records.with_name("clip.mp4"))) as container:
        assert len(list(container.decode(video=0))) == count


def test_a_second_wish_discards_it(bccd_model: Path, photos: Path, tmp_path: Path) -> None:
    """The first one waits until the frame in hand is written, which here is never."""
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(bccd_model), str(photos), str(ready)],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(ready.exists, process)
    process.send_signal(signal.SIGTERM)
    time.sleep(1.5)  # two signals within a second are one wish
    assert process.poll() is None, "it waits for the sink"
    process.send_signal(signal.SIGTERM)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 143, said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "photos.txt", "ready"]


def test_a_killed_predict_leaves_nothing_that_can_be_seen(
    bccd_model: Path, photos: Path, tmp_path: Path
) -> None:
    process = start(tmp_path, "predict", bccd_model, photos, "--out", "night")
    wait_for(lambda: list(tmp_path.glob(".night.*/images/*")), process)
    process.kill()
    process.communicate()
    seen = [path.name for path in tmp_path.iterdir() if not path.name.startswith(".night.")]
    assert sorted(seen) == ["a.png", "photos.txt"]
    run_yolokit("predict", bccd_model, "a.png", "--out", "night", cwd=tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["a.png", "night", "photos.txt"]


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
