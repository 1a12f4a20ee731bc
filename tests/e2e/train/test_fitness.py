"""``--fitness``: best.pt, the start, a resumption and the exported file go by one metric."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch

from tests.conftest import START, run_yolokit
from yolokit.engine_protocol.validations import read_validation

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
METRIC = "recall@0.4"
SMALL = ("--imgsz", 64, "--batch", 4, "--set", "nbs=4", "--device", "cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitness")
    run_yolokit("data", "demo", "--images", 40, "--video-seconds", 0, "--out", "demo", cwd=folder)
    run_yolokit("data", "convert", "demo", "--out", "set", cwd=folder)
    return folder


def train(folder: Path, *options: object) -> tuple[dict[str, Any], str]:
    done = run_yolokit("train", *options, cwd=folder)
    name = options[options.index("--name") + 1]
    record = json.loads((folder / "runs" / "train" / str(name) / "run.json").read_text())
    return record, done.stderr + done.stdout


def check_best(record: dict[str, Any], run: Path) -> None:
    """Check that all that was kept of the best is of the epoch of the highest recall."""
    epochs = [one for one in (record["start_epoch"], *record["epochs"]) if one is not None]
    scores = [one["metrics"][METRIC] for one in epochs]
    assert max(scores) > 0, "nothing is found, so nothing is chosen"
    best = epochs[scores.index(max(scores))]["epoch"]
    assert record["stopped"]["best"] == best
    assert read_validation(run / "best.detections.npz").epoch == best
    state = torch.load(run / "state.pt", weights_only=True)
    assert state["best_fitness"] == max(scores)
    assert state["fitness"] == scores[-1]


def test_all_goes_by_the_metric_that_is_asked_for(folder: Path) -> None:
    first = ("--data", "set", "--fitness", METRIC, *SMALL)
    record, said = train(folder, *first, "--weights", START, "--epochs", 4, "--name", "a")
    run = folder / "runs" / "train" / "a"
    check_best(record, run)
    assert f"best.pt and patience go by {METRIC}: the highest recall at a precision of" in said
    assert f"  {METRIC} 0." in said, "of each epoch"

    record, said = train(folder, "--resume", "--name", "a", "--epochs", "+2")
    assert len(record["epochs"]) == 6
    check_best(record, run)
    done = run_yolokit(
        "train", "--resume", "--name", "a", "--epochs", "+1", "--fitness", "map50",
        cwd=folder, code=2,
    )  # fmt: skip
    assert "--fitness: a resumed run keeps what it began with: best.pt was chosen by" in done.stderr
    with (run / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row[METRIC]) for row in rows] == [
        epoch["metrics"][METRIC] for epoch in record["epochs"]
    ]

    run_yolokit("export", run / "best.pt", "--data", "set", cwd=folder)
    printed = run_yolokit("val", run / "best.onnx", "--data", "set", "--json", cwd=folder)
    measured = json.loads(printed.stdout)
    best = record["epochs"][record["stopped"]["best"] - 1]["metrics"]
    assert measured["trained"]["recall_at"] == {"0.4": best[METRIC]}
    assert measured["overall"]["recall_at"]["0.4"] == pytest.approx(best[METRIC], abs=0.002)
    assert f"{METRIC} {best[METRIC]:.3f}: the highest recall" in printed.stderr

    child = ("--weights", run / "best.pt", "--epochs", 1, "--name", "b")
    record, said = train(folder, *first, *child)
    assert record["start_epoch"]["metrics"][METRIC] == pytest.approx(best[METRIC], abs=0.002)
    assert f"start: {METRIC} " in said
    check_best(record, folder / "runs" / "train" / "b")
