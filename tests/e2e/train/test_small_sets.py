"""Runs on so few images that upstream would train nothing, or have nothing to choose by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import START, run_yolokit
from tests.e2e.train.test_starts import compare

pytestmark = pytest.mark.slow
SMALL = ("--imgsz", 32, "--batch", 4, "--device", "cpu")


def train(data: Path, name: str, *options: object) -> tuple[Path, dict[str, Any], str]:
    """Train, and return the run's folder, its record, and what was said on either stream."""
    done = run_yolokit("train", "--data", data, "--name", name, *SMALL, *options, cwd=data.parent)
    run = data.parent / "runs" / "train" / name
    return run, json.loads((run / "run.json").read_text()), done.stderr + done.stdout


def test_eight_images_are_trained_on_and_then_the_start_is_measured(squares: Path) -> None:
    """Two batches an epoch, where 16 make a whole step: upstream's one step is at rate 0."""
    from yolokit.engine.hooks.gentle_start import choose

    run, record, said = train(squares, "a", "--weights", START, "--epochs", 3)
    used = record["used"]
    assert (used["batches"], used["accumulate"], used["steps_per_epoch"]) == (2, 2, 1)
    assert [epoch["steps"] for epoch in record["epochs"]] == [2, 1, 1]
    assert used["steps"] == 4
    assert (used["optimizer"], used["lr0"], used["momentum"]) == ("AdamW", 0.002, 0.9)
    assert "1 optimizer step an epoch (more in the warm-up), 4 in all; that is little" in said
    assert "last 10 epochs (close_mosaic), which is all of this run" in said
    changed = compare(START, run / "last.pt")
    assert len([name for name in changed if not name.startswith("model.23.")]) > 300
    assert record["start_epoch"] is None, "it knew no squares"

    child, record, said = train(squares, "b", "--weights", run / "last.pt", "--epochs", 1)
    assert record["start_epoch"]["epoch"] == 0
    assert "before training" in said
    start, trained = (
        epoch["metrics"]["mAP50-95"] for epoch in (record["start_epoch"], record["epochs"][0])
    )
    chosen = choose(0.002, steps=record["used"]["steps"], score=start)
    assert (record["used"]["lr0"], record["used"]["lr0_reason"]) == (chosen.lr, chosen.reason)
    assert (chosen.reason or "") in said
    best = 1 if trained > start or trained == start == 0 else 0
    assert record["stopped"] == {"reason": "epochs", "epoch": 1, "best": best, "why": None}
    kept = {0: run / "last.pt", 1: child / "last.pt"}
    assert compare(kept[best], child / "best.pt") == []
    assert compare(kept[1 - best], child / "best.pt") != []


def test_where_nothing_is_found_the_last_epoch_is_the_best(squares: Path) -> None:
    run, record, said = train(squares, "a", "--arch", "yolo11n", "--epochs", 2)
    assert {epoch["metrics"]["mAP50-95"] for epoch in record["epochs"]} == {0}
    assert record["stopped"] == {"reason": "epochs", "epoch": 2, "best": 2, "why": None}
    assert compare(run / "last.pt", run / "best.pt") == []
    assert "mAP50-95 is 0 in every epoch: best.pt is the last epoch, 2" in said
    assert "last epoch: mAP50-95 0.0000" in said
