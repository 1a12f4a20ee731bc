"""``yolokit runs`` over folders of folds: listed, shown, and compared over all their images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.conftest import shade_of, write_image, write_text
from tests.unit.jobs.runs.test_runs import call
from tests.unit.train.folds.trainings import Trainings
from tests.unit.train.report.runs import make_folder
from yolokit.errors import JobCancelledError
from yolokit.train.config import TrainConfig
from yolokit.train.folds import job

NAMES = "[<b>cat</b>, dog]"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two of folds, the second far worse, one that was stopped, and an ordinary run."""
    monkeypatch.chdir(tmp_path)
    for at in range(20):
        write_image(tmp_path / f"set/images/train/{at}.jpg", shade=shade_of(str(at)))
        write_text(tmp_path / f"set/labels/train/{at}.txt", f"{at % 2} .5 .5 .2 .2\n")
    text = f"train: images/train\nnames: {NAMES}\n"
    data = write_text(tmp_path / "set/data.yaml", text)
    parent = tmp_path / "runs/train"
    for name, jitter, seed in (("good", 1.0, 0), ("bad", 15.0, 1), ("stopped", 1.0, 0)):
        trainings = Trainings()
        trainings.jitter = jitter
        if name == "stopped":
            trainings.fails = lambda fold: JobCancelledError("stop") if fold == "fold-2" else None
        monkeypatch.setattr(job, "train_model", trainings.train)
        config = TrainConfig.build({"data": str(data), "folds": 2, "epochs": 4, "seed": seed})
        try:
            job.train_folds(config, folder=parent / name)
        except JobCancelledError:
            assert name == "stopped"
    make_folder(parent / "ordinary")
    (parent / "damaged").mkdir()
    (parent / "damaged/folds.json").write_text("{")
    return parent


def test_folds_are_listed_with_their_mean_and_spread(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = call(capsys, "runs", "list")
    rows = {line.split("  ")[0]: line for line in out.splitlines()}
    assert "0.750 ± 0.071" in rows["good (2 folds)"]
    assert "8 of 8" in rows["good (2 folds)"]
    assert "interrupted" in rows["stopped (2 folds)"]
    assert "unreadable" in rows["damaged"]
    entries = [json.loads(line) for line in call(capsys, "runs", "list", "--json")[0].splitlines()]
    assert entries[0]["data"] == "set/data.yaml"  # as an ordinary run's, which is as it was typed
    assert {entry["name"]: entry["folds"] for entry in entries} == {
        "good": 2, "bad": 2, "stopped": 2, "ordinary": None, "damaged": None,
    }  # fmt: skip


def test_folds_are_shown_and_their_page_is_drawn_anew(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "good/report.html").unlink()
    out, _ = call(capsys, "runs", "show", "good", "--report")
    assert "mAP50-95 0.750 ± 0.071 over 2 folds" in out
    page = (runs / "good/report.html").read_text("utf-8")
    assert "<b>cat</b>" not in page
    assert "&lt;b&gt;cat&lt;/b&gt;" in page
    assert "What goes wrong" in page
    out, _ = call(capsys, "runs", "show", "stopped")
    assert "go on with: yolokit train --resume --name stopped" in out
    record = json.loads(call(capsys, "runs", "show", "good", "--json")[0])
    assert record["summary"]["metrics"]["mAP50-95"]["mean"] == pytest.approx(0.75)
    assert "mAP50-95 0.700" in call(capsys, "runs", "show", "good/fold-1")[0]


def test_folds_are_compared_over_all_images_however_they_were_dealt(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dealt = [(runs / name / "dealing.csv").read_bytes() for name in ("good", "bad")]
    assert dealt[0] != dealt[1]
    out, _ = call(capsys, "runs", "compare", "good", "bad", "--report", "c.html")
    assert "good is better" in out
    assert "20 images" in out
    assert "seed" in out
    assert "0.750 ± 0.071" in out
    assert Path("c.html").is_file()
    (runs / "stopped/fold-2/best.detections.npz").unlink()
    out, _ = call(capsys, "runs", "compare", "good", "stopped")
    assert "whether that is chance is not known" in out


def test_folds_and_a_run_are_not_compared(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = call(capsys, "runs", "compare", "ordinary", "good", code=1)
    assert "has folds and ordinary is one run" in err
    assert "fold-1" in err
    _, err = call(capsys, "runs", "show", "damaged", code=1)
    assert "folds.json is not readable" in err


def test_folds_have_no_lineage_of_their_own(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, error = call(capsys, "runs", "lineage", str(runs / "good"), code=1)
    assert not out
    assert "holds folds, each a run of its own" in error
    assert "fold-1" in error
