"""``yolokit data check`` as a user runs it: what is printed, exit codes, an interrupt, the gate."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import run_yolokit


@pytest.fixture
def broken(squares: Path) -> Path:
    """A set with an error, a doubt and a warning."""
    folder = squares.parent
    (folder / "labels/train/1.txt").write_text("3 0.5 0.5 0.375 0.375\n")
    shutil.copy(folder / "images/train/0.png", folder / "images/val/0.png")
    (folder / "labels/train/2.txt").unlink()
    return folder


def test_findings_are_grouped_and_the_last_line_says_what_they_mean(broken: Path) -> None:
    done = run_yolokit("data", "check", broken, cwd=broken, code=3)
    lines = done.stdout.splitlines()
    heads = [line for line in lines if line.startswith(("error ", "doubt ", "warning ", "advice "))]
    assert heads[:3] == [
        "error unknown-class (1): labels of a class without a name",
        "doubt leaking-images (1): pictures of train in another split",
        "warning missing-labels (1): images without a label file",
    ]
    place = f"  {broken / 'labels/train/1.txt'}:1: class 3 is not one of 0 to 0"
    assert place in lines
    hint = lines[lines.index(place) + 1]
    assert hint.startswith("  -> correct the number, or name the class in the data.yaml")
    assert lines[-1] == (
        "1 error, 1 doubt, 1 warning in 12 images: `yolokit train` refuses this set"
    )
    assert "read as YOLO (Ultralytics, Roboflow): data.yaml has `names` and splits" in done.stderr


def test_json_gives_all_of_it_with_places(broken: Path) -> None:
    for at in range(3, 8):
        (broken / f"labels/train/{at}.txt").write_text("0 0.5 0.5 0 0.375\n")
    done = run_yolokit("data", "check", broken, "--json", cwd=broken, code=3)
    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert (found["path"], found["format"], found["names"]) == (str(broken), "yolo", ["square"])
    assert found["counts"] | {"advice": 0} == {"error": 1, "doubt": 1, "warning": 6, "advice": 0}
    assert found["splits"]["train"]["images"] == 8
    flat = [one for one in found["findings"] if one["code"] == "empty-boxes"]
    assert [(Path(one["path"]).name, one["line"]) for one in flat] == [
        (f"{at}.txt", 1) for at in range(3, 8)
    ]
    assert {one["severity"] for one in flat} == {"warning"}
    assert flat[0]["image"] == str(broken / "images/train/3.png")
    assert flat[0]["hint"]
    assert not flat[0]["allowed"]


def test_the_exit_code_is_that_of_fail_on_and_allow(broken: Path) -> None:
    (broken / "labels/train/1.txt").write_text("")
    run_yolokit("data", "check", broken, cwd=broken, code=3)
    allowed = ("--allow", "leaking-images")
    done = run_yolokit("data", "check", broken, *allowed, cwd=broken)
    assert "doubt leaking-images (1, allowed)" in done.stdout
    run_yolokit("data", "check", broken, *allowed, "--fail-on", "warning", cwd=broken, code=3)
    done = run_yolokit("data", "check", broken, "--fail-on", "never", cwd=broken, code=2)
    assert "fail_on: must be one of error, warning, not 'never'" in done.stderr


def test_training_refuses_what_the_check_refuses_with_its_code(broken: Path) -> None:
    done = run_yolokit("train", "--data", broken, cwd=broken, code=3)
    assert "class 3 is not one of 0 to 0 (unknown-class)" in done.stderr
    assert "(leaking-images)" in done.stderr
    assert "--allow leaking-images" in done.stderr
    assert not (broken / "runs").exists()


def test_a_truncated_jpeg_is_refused_by_training_with_its_code(squares: Path) -> None:
    """Its head is whole, so that a look at its size alone would not tell."""
    folder = squares.parent
    noise = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    content = cv2.imencode(".jpg", noise)[1].tobytes()
    (folder / "images/train/0.png").unlink()
    cut = folder / "images/train/0.jpg"
    cut.write_bytes(content[: len(content) // 2])
    for command in (("data", "check", folder), ("train", "--data", folder)):
        done = run_yolokit(*command, cwd=folder, code=3)
        assert f"{cut}: " in done.stdout + done.stderr
        assert "unusable-images" in done.stdout + done.stderr


def test_nothing_wrong_is_said_in_one_line(squares: Path) -> None:
    done = run_yolokit("data", "check", squares, "--labels-only", cwd=squares.parent)
    assert done.stdout.splitlines()[-1] == "nothing wrong in 12 images"


def test_names_from_the_data_cannot_command_the_terminal(squares: Path) -> None:
    folder = squares.parent
    text = squares.read_text().replace("[square]", '["sq\\e[31muare"]')
    squares.write_text(text)
    (folder / "labels/train/1.txt").write_text("0 0.5 0.5 0.01 0.375\n")
    done = run_yolokit("data", "check", folder, cwd=folder)
    assert "tiny-boxes" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent differently there")
def test_an_interrupt_ends_it_and_leaves_nothing(squares: Path, tmp_path: Path) -> None:
    folder = squares.parent
    picture = (folder / "images/train/0.png").read_bytes()
    for at in range(20_000):
        (folder / f"images/train/more{at}.png").write_bytes(picture)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-m", "yolokit", "data", "check", str(folder), "--report", "page.html"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(scratch)},
    )  # fmt: skip
    assert child.stderr is not None
    assert "looking at images" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert err.splitlines()[-1] == "interrupted"
    assert out == ""
    assert not list(scratch.iterdir())
    assert not (folder / "page.html").exists()


def test_bccd_has_what_is_known_of_it(bccd_source: Path, tmp_path: Path) -> None:
    """Two boxes without an area, counted without yolokit; and objects that are labelled twice."""
    done = run_yolokit("data", "check", bccd_source, "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (found["format"], found["splits"]["train"]["images"]) == ("voc", 205)
    places = {
        (Path(one["path"]).stem, one["line"])
        for one in found["findings"]
        if one["code"] == "empty-boxes"
    }
    assert places == {("BloodImage_00338", 158), ("BloodImage_00343", 50)}
    assert sum(one["code"] == "doubled-boxes" for one in found["findings"]) == 7
    assert not found["counts"]["error"] + found["counts"]["doubt"]
