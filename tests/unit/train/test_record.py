"""run.json survives a round trip, and the curves are a real picture."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolokit.errors import TrainError
from yolokit.train import record as records
from yolokit.train.config import TrainConfig
from yolokit.train.report import draw_curves

UPSTREAM = {
    "train/box_loss": 1.5,
    "metrics/mAP50-95(B)": 0.4,
    "metrics/mAP50(B)": 0.6,
    "metrics/precision(B)": 0.7,
    "metrics/recall(B)": 0.5,
    "lr/pg0": 0.01,
    "lr/pg1": 0.02,
}


def make_record() -> records.RunRecord:
    return records.RunRecord(
        config=TrainConfig(data="d.yaml", epochs=2),
        data=records.DataRecord(
            path="d.yaml", sha256="ab", names=["a"], images={"train": 1}, boxes={"train": 3}
        ),
        weights=None,
        arch="yolo26n",
        versions=records.collect_versions(),
        started=records.now(),
        epochs=[
            records.epoch_record(1, 2.0, UPSTREAM),
            records.epoch_record(2, 2.0, UPSTREAM | {"metrics/mAP50-95(B)": 0.3}),
        ],
    )


def test_metrics_get_our_names() -> None:
    metrics = records.epoch_record(1, 1.23456, UPSTREAM)
    assert metrics.seconds == 1.235
    assert metrics.metrics == {
        "train_box_loss": 1.5,
        "mAP50-95": 0.4,
        "mAP50": 0.6,
        "precision": 0.7,
        "recall": 0.5,
        "learning_rate": 0.01,
    }


def test_round_trip(tmp_path: Path) -> None:
    record = make_record()
    records.write_record(record, tmp_path)
    assert records.read_record(tmp_path) == record
    assert record.best is not None
    assert record.best.epoch == 1
    assert {"yolokit", "python", "torch", "ultralytics"} <= record.versions.keys()


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="is no run"):
        records.read_record(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(TrainError, match=r"run\.json is not readable"):
        records.read_record(tmp_path)


def test_curves_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    import cv2

    draw_curves(make_record().epochs, "run", tmp_path / "curves.png")
    picture = cv2.imread(str(tmp_path / "curves.png"))
    assert picture is not None
    assert picture.shape[1] > 1000
    assert len({tuple(pixel) for pixel in picture[::5, ::5].reshape(-1, 3)}) > 20
