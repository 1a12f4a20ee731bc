"""An epoch's figures are those of the file that it is exported to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.conftest import START, run_yolokit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def uneven_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn parts, squeezed to many shapes: labels are shares of the image, so they stay."""
    folder = tmp_path_factory.mktemp("uneven")
    run_yolokit("data", "demo", "--images", 60, "--video-seconds", 0, "--out", "demo", cwd=folder)
    run_yolokit("data", "convert", "demo", "--out", "set", cwd=folder)
    (folder / "fast.yaml").write_text("nbs: 4\n")  # a step for each batch: it learns in seconds
    rng = np.random.default_rng(0)
    for path in sorted((folder / "set" / "images").rglob("*.*")):
        image = cv2.imread(str(path))
        assert image is not None
        width_px, height_px = (int(side) for side in rng.integers(90, 400, 2))
        cv2.imwrite(str(path), cv2.resize(image, (width_px, height_px)))
    return folder


@pytest.mark.parametrize(("imgsz", "epochs"), [(64, 12), (160, 4)])
def test_the_runs_figures_are_the_files(imgsz: int, epochs: int, uneven_set: Path) -> None:
    name = f"at{imgsz}"
    run_yolokit(
        "train", "--data", "set", "--weights", START, "--epochs", epochs, "--imgsz", imgsz,
        "--batch", 4, "--config", "fast.yaml", "--device", "cpu", "--name", name, cwd=uneven_set,
    )  # fmt: skip
    run = uneven_set / "runs" / "train" / name
    run_yolokit("export", run / "best.pt", "--data", "set", cwd=uneven_set)
    printed = run_yolokit("val", run / "best.onnx", "--data", "set", "--json", cwd=uneven_set)
    measured = json.loads(printed.stdout)["overall"]
    record = json.loads((run / "run.json").read_text())
    measured_epochs = {
        one["epoch"]: one for one in (record["start_epoch"], *record["epochs"]) if one
    }
    trained = measured_epochs[record["stopped"]["best"]]["metrics"]
    assert measured["map50_95"] > 0.01, "nothing is found, so nothing is compared"
    for ours, its in (("mAP50-95", "map50_95"), ("mAP50", "map50"), ("recall", "recall")):
        assert trained[ours] == pytest.approx(measured[its], abs=0.002), ours
