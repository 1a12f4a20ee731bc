"""What a file tells of its making: of two runs, one from the other, an export, an evaluation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import START, run_yolokit
from yolokit.files.digest import sha256_file
from yolokit.runtime.detector import Detector

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.manifest import ModelManifest

pytestmark = pytest.mark.slow

SHORT = ("--data", "set", "--imgsz", 160, "--batch", 4, "--device", "cpu")


def make_data(folder: Path) -> None:
    """Make a set with enough objects on val to choose a score for each class by."""
    run_yolokit("data", "demo", "--images", 48, "--video-seconds", 0, "--out", "demo", cwd=folder)
    run_yolokit("data", "convert", "demo", "--out", "set", cwd=folder)
    data = folder / "set" / "data.yaml"
    data.write_text(data.read_text("utf-8").replace("images/val", "images/train"), "utf-8")


def train(folder: Path, *options: object) -> dict[str, Any]:
    options = (*SHORT, *options, "--allow", "leaking-images")
    done = run_yolokit("train", *options, cwd=folder)
    run = done.stdout.strip().removesuffix("best.pt")
    record: dict[str, Any] = json.loads((folder / run / "run.json").read_text("utf-8"))
    return record


def trace(folder: Path, path: object) -> list[dict[str, Any]]:
    done = run_yolokit("runs", "lineage", path, "--json", cwd=folder)
    return [json.loads(line) for line in done.stdout.splitlines()]


def read_manifest(path: Path) -> ModelManifest:
    return Detector.load(path, provider="cpu", threads=1).manifest


def test_a_chain_of_two_runs_and_an_export(tmp_path: Path) -> None:
    make_data(tmp_path)
    train(tmp_path, "--weights", START, "--epochs", 4, "--name", "one")
    first = "runs/train/one/best.pt"
    second = train(tmp_path, "--weights", first, "--epochs", 1, "--name", "two")
    start = sha256_file(START)
    assert second["weights"]["chain"] == [start, sha256_file(tmp_path / first)]
    assert second["launches"][0]["command"][:2] == ["yolokit", "train"]
    images = second["data"]["images"]["train"]
    assert [epoch["images"] for epoch in second["epochs"]] == [images]
    assert second["epochs"][0]["threads"] >= 1

    run_yolokit("export", "runs/train/two/best.pt", cwd=tmp_path)
    run_yolokit("val", "runs/train/two/best.onnx", "--data", "set", cwd=tmp_path)
    links = trace(tmp_path, "runs/train/two/best.onnx")
    kinds = [link["kind"] for link in links]
    assert kinds == ["model", *["checkpoint", "run", "data"] * 2, "checkpoint"]
    assert links[0]["facts"]["evaluated runs/val/best-val"].startswith("mAP50-95 0.")
    assert links[-1]["sha256"] == start
    assert not any(link["gaps"] or link["faults"] for link in links)
    assert trace(tmp_path, "runs/train/two/best.pt") == links[1:]
    assert trace(tmp_path, "runs/train/two") == links[1:]

    manifest = read_manifest(tmp_path / "runs/train/two/best.onnx")
    assert manifest.provenance.run == second["id"]
    assert list(manifest.provenance.ancestors) == second["weights"]["chain"]
    check_scores(tmp_path, manifest)


def check_scores(folder: Path, manifest: ModelManifest) -> None:
    """Check that ``predict`` takes each class's own score, says so, and lets ``--conf`` decide."""
    least = dict(zip(manifest.head.names, manifest.head.class_conf, strict=True))
    assert len(set(least.values())) > 1
    command = ("predict", "runs/train/two/best.onnx", "set/images/test")
    own = run_yolokit(*command, "--out", "own", cwd=folder)
    assert f"scores from the model: bolt {least['bolt']:g}, " in own.stderr
    asked = run_yolokit(*command, "--out", "asked", "--conf", 0.01, cwd=folder)
    assert "scores from the model" not in asked.stderr
    found = read_detections(folder / "own")
    wanted = [one for one in read_detections(folder / "asked") if one[1] >= least[one[0]]]
    assert found
    assert {name for name, _ in found} == {name for name, _ in wanted}
    assert all(score >= least[name] for name, score in found)


def read_detections(folder: Path) -> list[tuple[str, float]]:
    lines = (folder / "predictions.jsonl").read_text("utf-8").splitlines()
    records = [json.loads(line)["detections"] for line in lines]
    return [(one["name"], one["score"]) for record in records for one in record]
