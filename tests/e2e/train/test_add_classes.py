"""A class is added, by the commands: trained, proved, resumed, exported, measured, added again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.conftest import START, run_yolokit
from tests.e2e.train.test_resume import kill_and_resume
from yolokit.train.record import read_record
from yolokit.train.report.adding import score_groups

pytestmark = pytest.mark.slow
SMALL = ("--imgsz", 64, "--batch", 4, "--device", "cpu", "--epochs", 3)
ADD = ("--weights", START, "--add-classes")


def run_model(path: Path, pictures: list[Any]) -> Any:
    """Return the raw output of an exported file for each picture, (B, 4 + C, A)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"images": one})[0] for one in pictures])


def test_one_file_has_all_classes_and_the_old_ones_score_as_before(squares: Path) -> None:
    home = squares.parent
    run_yolokit("train", "--data", squares, *SMALL, *ADD, "--out", "run", cwd=home)
    record = read_record(home / "run")
    assert record.adding is not None
    assert record.adding.problems == []
    assert record.adding.changed_tensors == 0
    names = record.data.names
    assert (len(names), names[-1]) == (17, "square")
    old, new = score_groups(record, home / "run")
    assert old.map50_95 is None, "val has no label of theirs"
    assert new.classes.keys() == {"square"}
    page = (home / "run" / "report.html").read_text()
    assert "Old and new classes" in page
    assert "bit for bit" in page

    run_yolokit("export", "run/best.pt", "--data", squares, cwd=home)
    run_yolokit("export", START, "--imgsz", 64, "--out", "old.onnx", cwd=home)
    rng = np.random.default_rng(0)
    pictures = [rng.random((1, 3, 64, 64), dtype=np.float32) for _ in range(4)]
    before, after = (
        run_model(home / "old.onnx", pictures),
        run_model(home / "run" / "best.onnx", pictures),
    )
    anchors = before.shape[2]
    assert after.shape == (4, 4 + 17, 2 * anchors)
    assert np.abs(after[:, :4, :anchors] - before[:, :4]).max() < 1e-3
    assert np.abs(after[:, 4:20, :anchors] - before[:, 4:]).max() < 1e-6
    assert after[:, 20, :anchors].max() < 1e-9
    said = run_yolokit("val", "run/best.onnx", "--data", squares, "--json", cwd=home).stdout
    assert [one["name"] for one in json.loads(said)["classes"]] == ["square"]
    run_yolokit("predict", "run/best.onnx", "images/val", "--out", "found", cwd=home)


def test_a_killed_run_goes_on_and_is_proved(squares: Path) -> None:
    kill_and_resume(squares, *ADD)
    record = read_record(squares.parent / "runs" / "train" / "a")
    assert record.adding is not None
    assert record.adding.changed_tensors == 0
    assert msgspec.to_builtins(record.start)["added"]["new"] == ["square"]


def test_old_labels_of_the_data_set_are_measured_with(squares: Path) -> None:
    """Its numbers are its own: class 0 is new there, class 1 is an old one."""
    home = squares.parent
    first = read_names(START, home)[3]
    squares.write_text(f"train: images/train\nval: images/val\nnames: [square, {first}]\n")
    for label in (home / "labels").glob("*/*.txt"):
        label.write_text(label.read_text() + "1 0.2 0.2 0.2 0.2\n")
    run_yolokit("train", "--data", squares, *SMALL, *ADD, "--out", "run", cwd=home)
    record = read_record(home / "run")
    assert record.start is not None
    assert record.start.added is not None
    assert record.start.added.class_ids == [16, 3]
    old, _new = score_groups(record, home / "run")
    assert [name for name, score in old.classes.items() if score is not None] == [first]


def read_names(path: Path, home: Path) -> list[str]:
    said = run_yolokit("inspect", path, cwd=home).stdout
    part = said.split("classes ", 1)[1].split(";")[0]
    return [name.strip() for name in part.split(",")]


def test_options_that_do_not_go_with_it_are_refused(squares: Path) -> None:
    done = run_yolokit(
        "train", "--data", squares, "--add-classes", "--freeze", "backbone",
        cwd=squares.parent, code=2,
    )  # fmt: skip
    assert "add_classes: needs weights of a detector" in done.stderr
    assert "freeze: cannot be combined with add_classes" in done.stderr
