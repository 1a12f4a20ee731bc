"""``yolokit data show`` as a user runs it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from tests.chromium import NO_CHROMIUM, NO_CHROMIUM_REASON, open_chromium
from tests.conftest import run_yolokit


def list_hidden(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".*") if path.name != ".DS_Store"]


def test_real_labels_are_looked_at(bccd: Path, tmp_path: Path) -> None:
    done = run_yolokit("data", "show", bccd, "--count", 6, "--json", cwd=tmp_path)
    shown = json.loads(done.stdout)
    assert shown["path"] == str(Path("runs/show/bccd/sheet.html"))
    assert (shown["format"], shown["task"], shown["images"]) == ("voc", "detect", 364)
    splits = [one["split"] for one in shown["shown"]]
    assert splits == ["train", "train", "val", "val", "test", "test"]
    assert {name for one in shown["shown"] for name in one["labels"]} == {"RBC", "WBC", "Platelets"}
    page = (tmp_path / shown["path"]).read_text("utf-8")
    for one in shown["shown"]:
        assert one["name"] in page
    again = run_yolokit("data", "show", bccd, "--count", 6, "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["shown"] == shown["shown"], "the same ones for the same seed"


def test_a_picture_of_one_class_in_one_split(bccd: Path, tmp_path: Path) -> None:
    options = ("--class", "WBC", "--split", "val", "--count", 2, "--out", "w.png")
    done = run_yolokit("data", "show", bccd, *options, cwd=tmp_path)
    assert done.stdout == "w.png\n"
    assert "2 of 86 images shown" in done.stderr
    sheet = cv2.imread(str(tmp_path / "w.png"))
    assert sheet is not None
    assert sheet.shape[1] == 2 * 408 + 8


def test_what_the_doctor_finds_is_looked_at(bccd: Path, tmp_path: Path) -> None:
    done = run_yolokit("data", "show", bccd, "--code", "empty-boxes", "--json", cwd=tmp_path)
    shown = json.loads(done.stdout)["shown"]
    assert [one["name"] for one in shown] == ["BloodImage_00343.jpg", "BloodImage_00338.jpg"]
    assert all("has no area" in one["note"] for one in shown)


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--class", "square ", "--split", "val"), 2, "did you mean 'square'?"),
        (("--split", "test"), 2, "unknown split 'test'"),
        (("--code", "tiny-boxes"), 3, "tiny-boxes is not found in it"),
        (("--out", "x.gif"), 2, "out: must end in .html, .png or .jpg"),
        (("--augmented", "--out", "x.png", "--last-epochs", "--config", "c.yaml"), 2,
         "close_mosaic is 0"),
        (("--augmented", "--config", "nowhere.yaml"), 2, "cannot read nowhere.yaml"),
        (("--augmented", "--imgsz", "50"), 2, "imgsz: must be a multiple of 32"),
    ],
)  # fmt: skip
def test_mistakes_are_told_and_leave_nothing(
    squares: Path, options: tuple[str, ...], code: int, said: str
) -> None:
    folder = squares.parent
    (folder / "c.yaml").write_text("close_mosaic: 0\n")
    before = set(folder.rglob("*"))
    done = run_yolokit("data", "show", squares, *options, cwd=folder, code=code)
    assert said in done.stderr
    assert {path for path in folder.rglob("*") if path.is_file()} <= before
    assert not list_hidden(folder)


def test_poses_have_no_batches_to_show(squares: Path) -> None:
    squares.write_text(squares.read_text() + "kpt_shape: [1, 3]\n")
    for labels in squares.parent.glob("labels/*/*.txt"):
        labels.write_text("0 0.5 0.5 0.375 0.375 0.5 0.5 2\n")
    shown = run_yolokit("data", "show", squares, "--json", cwd=squares.parent)
    assert json.loads(shown.stdout)["task"] == "pose"
    done = run_yolokit("data", "show", squares, "--augmented", cwd=squares.parent, code=3)
    assert "this version trains detectors of boxes" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_leaves_nothing(bccd: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "cells"), "zip", bccd)
    command = [sys.executable, "-m", "yolokit", "data", "show", archive, "--code", "empty-boxes"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "unpacking" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "interrupted" in said
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["cells.zip"]


@pytest.mark.skipif(NO_CHROMIUM, reason=NO_CHROMIUM_REASON)
def test_the_page_opens_in_a_browser_at_any_width(bccd: Path, tmp_path: Path) -> None:
    run_yolokit("data", "show", bccd, "--count", 4, "--out", "x.html", cwd=tmp_path)
    with open_chromium() as tab:
        for width_px in (1200, 360):
            tab.open(tmp_path / "x.html", width_px)
            assert tab.console == []
            assert tab.requested_urls() == [(tmp_path / "x.html").as_uri()]
            assert tab.evaluate("document.documentElement.scrollWidth") == width_px
            widths = "[...document.querySelectorAll('.gallery img')].map(one => one.clientWidth)"
            shown_px = tab.evaluate(widths)
            assert len(shown_px) == 4
            assert min(shown_px) >= 300, "names of classes can be read"
