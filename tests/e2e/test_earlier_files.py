"""Files that version 0.1.0 wrote are still read: each by the command that a user gives it to.

``tests/written_by_0_1_0`` is a project of that time: a converted set, a run that was completed and
one that was stopped, the exported model, results, and the locks and the bundle of two stores. None
of it is ever written again; what a later version writes gets a folder of its own.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT, run_yolokit
from tests.loopback import public_sets

MODEL = "runs/train/done/best.onnx"
RUN = "runs/train/done/best.pt"
LOCKED = "3e4acaf262fc47831e93a84410970d22377b80f4daec717c1c5f9168b74c91c7"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project of that time, which is also its store."""
    shutil.copytree(ROOT / "tests" / "written_by_0_1_0", tmp_path / "project")
    monkeypatch.setenv("YOLOKIT_HOME", str(tmp_path / "project"))
    return tmp_path / "project"


def test_the_model_finds_what_it_found(project: Path) -> None:
    """Its manifest says how an image goes in and what the classes are.

    A model of one epoch scores all boxes alike, to 2e-8: which of them is first depends on how an
    engine rounds. So it is that of the time, onnxruntime's CPU.
    """
    before = project / "runs/predict/p/predictions.jsonl"
    expected = [json.loads(line) for line in before.read_text("utf-8").splitlines()]
    words = ("predict", MODEL, "set/images/val", "--conf", "0.003", "--provider", "cpu")
    done = run_yolokit(*words, "--json", cwd=project)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(expected) == 2
    for now, then in zip(found, expected, strict=True):
        assert now["source"] == then["source"]
        assert [box["name"] for box in now["detections"]] == ["square"] * len(then["detections"])
        for box, old in zip(now["detections"], then["detections"], strict=True):
            assert box["xyxy"] == pytest.approx(old["xyxy"], abs=0.01)
            assert box["score"] == pytest.approx(old["score"], abs=1e-4)


def test_earlier_results_are_recognised_as_such(project: Path) -> None:
    """--overwrite replaces them, and would not if it did not know them."""
    run_yolokit(
        "predict", MODEL, "set/images/val", "--save", "jsonl", "--out", "runs/predict/p",
        "--overwrite", cwd=project,
    )  # fmt: skip
    run_yolokit("val", MODEL, "--data", "set", "--name", "v", "--overwrite", cwd=project)
    run_yolokit("data", "convert", "set", "--to", "coco", "--out", "coco", cwd=project)
    run_yolokit("data", "convert", "coco", "--out", "set", "--overwrite", cwd=project)
    (project / "set" / "mine.md").write_text("not a result")
    refused = run_yolokit(
        "data", "convert", "coco", "--out", "set", "--overwrite", cwd=project, code=2
    )
    assert "mine.md" in refused.stderr


def test_the_set_is_read_with_all_its_labels(project: Path) -> None:
    done = run_yolokit("data", "convert", "set", "--out", "again", "--json", cwd=project)
    result = json.loads(done.stdout)
    assert result["from_formats"] == ["yolo"]
    assert (result["totals"]["kept"], result["totals"]["dropped"]) == (8, 0)


def test_the_figures_of_the_model_are_those_of_then(project: Path) -> None:
    before = json.loads((project / "runs/val/v/metrics.json").read_text("utf-8"))
    now = json.loads(run_yolokit("val", MODEL, "--data", "set", "--json", cwd=project).stdout)
    # Of a model that finds nothing the confidence is arbitrary: 1 then, that of predict now.
    assert (before["overall"]["best_f1"], before["overall"].pop("conf")) == (0, 1)
    assert {key: now["overall"][key] for key in before["overall"] if key != "best_conf"} == {
        key: value for key, value in before["overall"].items() if key != "best_conf"
    }
    assert [row["name"] for row in now["classes"]] == [row["name"] for row in before["classes"]]


def test_the_record_of_a_run_is_read(project: Path) -> None:
    """What a checkpoint descends from stands in the run.json beside it."""
    record = json.loads((project / "runs/train/done/run.json").read_text("utf-8"))
    done = run_yolokit("weights", "info", RUN, cwd=project)
    assert f"run {record['id']}: the run.json beside it states this file's hash" in done.stdout
    refused = run_yolokit("train", "--resume", "--name", "done", cwd=project, code=1)
    assert "the run runs/train/done is complete" in refused.stderr
    refused = run_yolokit("train", "--resume", "--name", "stopped", cwd=project, code=1)
    assert "runs/train/stopped/last.pt is not there" in refused.stderr


def test_the_lock_and_the_bundle_of_weights_are_kept_to(project: Path) -> None:
    assert "ok" in run_yolokit("weights", "verify", cwd=project).stdout
    done = run_yolokit("weights", "info", "net.pt", cwd=project)
    assert done.stdout.count(LOCKED) == 2, "what must be here, and what is"
    (project / "weights" / "net.pt").write_bytes(b"made up weightz")
    refused = run_yolokit("weights", "verify", cwd=project, code=4)
    assert "differs" in refused.stdout
    shutil.rmtree(project / "weights")
    run_yolokit("weights", "import", "weights.tar", cwd=project)
    assert (project / "weights" / "net.pt").read_bytes() == b"made up weights"


def test_the_lock_of_data_sets_is_kept_to(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = project / "mirror"
    mirror.mkdir()
    content = public_sets.bccd()["bccd.zip"]
    (mirror / "bccd.zip").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    monkeypatch.setenv("YOLOKIT_DATA_MIRROR", mirror.as_uri())
    facts = json.loads(run_yolokit("data", "info", "bccd", "--json", cwd=project).stdout)
    assert facts["archives"][0]["hash_source"] == "datasets.lock (first use)"
    refused = run_yolokit("data", "get", "bccd", "--offline", cwd=project, code=3)
    assert "has the wrong content" in refused.stderr


@pytest.mark.slow
def test_the_checkpoint_is_exported_and_trained_on(project: Path) -> None:
    """The export replaces the earlier one with its proof; a run begins with the checkpoint."""
    run_yolokit("export", RUN, "--data", "set", "--overwrite", cwd=project)
    run_yolokit(
        "train", "--data", "set", "--weights", RUN, "--name", "next", "--epochs", 1, "--imgsz", 64,
        "--batch", 4, "--device", "cpu", "--allow", "leaking-images", cwd=project,
    )  # fmt: skip
    before = json.loads((project / "runs/train/done/run.json").read_text("utf-8"))
    record = json.loads((project / "runs/train/next/run.json").read_text("utf-8"))
    assert record["weights"]["chain"][-1] == before["outputs"]["best.pt"]
    assert {group["action"] for group in record["start"]["groups"]} == {"taken"}
