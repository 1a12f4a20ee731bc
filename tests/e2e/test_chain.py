"""Every job once by its own command, each on what the one before left; the long runs are `slow`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import START, run_yolokit
from yolokit.files.digest import sha256_file

# The quickstart as it is, on fewer pictures and for one epoch.
SHORT_QUICKSTART = """
from yolokit.cli.main import main
from yolokit.jobs import quickstart
quickstart.IMAGES, quickstart.VIDEO_S = 24, 0.4
quickstart.TRAINING |= {"epochs": 1, "imgsz": 160, "warmup_epochs": 0.0}
main(["quickstart", "--out", "out", "--json"])
"""


def test_from_annotations_to_boxes(tmp_path: Path) -> None:
    demo = ("--images", 24, "--video-seconds", 0.4, "--out", "demo")
    run_yolokit("data", "demo", *demo, cwd=tmp_path)
    run_yolokit("data", "convert", "demo", "--out", "set", cwd=tmp_path)
    run_yolokit("data", "fix", "set", "--out", "fixed", cwd=tmp_path)
    run_yolokit("data", "check", "set", "--report", "check.html", cwd=tmp_path)
    run_yolokit("data", "show", "set", "--out", "labels.png", cwd=tmp_path)

    short = ("--epochs", 1, "--imgsz", 160, "--batch", 8, "--device", "cpu", "--name", "a")
    run_yolokit("train", "--data", "set/data.yaml", "--weights", START, *short, cwd=tmp_path)
    run = tmp_path / "runs" / "train" / "a"
    record = json.loads((run / "run.json").read_text("utf-8"))
    assert record["state"] == "complete"
    assert sum(record["data"]["images"].values()) == 24
    assert (run / "curves.png").stat().st_size > 0
    run_yolokit("runs", "list", cwd=tmp_path)
    run_yolokit("runs", "show", "a", cwd=tmp_path)

    run_yolokit("export", run / "best.pt", "--data", "set/data.yaml", cwd=tmp_path)
    model = run / "best.onnx"
    assert json.loads(model.with_suffix(".parity.json").read_text("utf-8"))["verdict"] == "equal"

    run_yolokit("inspect", model, cwd=tmp_path)
    page = ("--report", "--out", "evaluated")
    evaluated = run_yolokit("val", model, "--data", "set/data.yaml", "--json", *page, cwd=tmp_path)
    for drawn in ("check.html", "labels.png", run / "report.html", "evaluated/report.html"):
        assert (tmp_path / drawn).stat().st_size > 10_000
    assert json.loads(evaluated.stdout)["overall"]["map50"] is not None
    sources = ("set/images/test", "demo/video/belt.mp4")
    run_yolokit("predict", model, *sources, "--out", "found", "--conf", 0.01, cwd=tmp_path)
    lines = (tmp_path / "found" / "predictions.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == record["data"]["images"]["test"] + 10
    assert all(one["error"] is None for one in records)
    assert any(one["detections"] for one in records)
    assert len(list((tmp_path / "found").rglob("*.mp4"))) == 1

    about = run_yolokit("weights", "info", run / "best.pt", "--json", cwd=tmp_path)
    assert len(json.loads(about.stdout)["descends_from"]) == 1

    traced = run_yolokit("runs", "lineage", model, "--json", cwd=tmp_path)
    links = [json.loads(line) for line in traced.stdout.splitlines()]
    assert [link["kind"] for link in links] == ["model", "checkpoint", "run", "data", "checkpoint"]
    assert links[0]["facts"]["proof best.parity.json"] == "equal"
    assert links[-1]["sha256"] == sha256_file(START)
    assert not any(link["gaps"] or link["faults"] for link in links)


@pytest.mark.slow
def test_a_short_quickstart(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHORT_QUICKSTART],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert len(result["steps"]) == 9
    assert result["map50_after"] is not None
    assert result["before"]["parts"] == result["after"]["parts"] > 0
    assert {"report of the training", "report of the test"} <= result["files"].keys()
    for path in result["files"].values():
        assert (tmp_path / path).exists()


def test_the_doctor_looks_at_this_machine(tmp_path: Path) -> None:
    done = run_yolokit("doctor", cwd=tmp_path)
    assert "ok    provider cpu" in done.stdout
