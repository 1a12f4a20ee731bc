"""Records of runs that never trained, for tests of what is kept of a run."""

from __future__ import annotations

from typing import Any

from yolokit.train.config import TrainConfig
from yolokit.train.record import DataRecord, EpochRecord, RunRecord


def make_record(epochs: int = 0, *, start: bool = True, **options: Any) -> RunRecord:
    """Return the record of a run; the mAP50-95 of epoch n is n / 100."""
    data = DataRecord(path="d.yaml", sha256="ab", names=["nut"], images={}, boxes={"val": 9})
    made = [make_epoch(number) for number in range(epochs + 1)]
    return RunRecord(
        id="0123456789abcdef", config=TrainConfig.build({"data": "d.yaml", **options}), data=data,
        weights=None, arch="yolo26n", versions={"torch": "2"}, started="2026-01-01T00:00:00+00:00",
        start_epoch=made[0] if start else None, epochs=made[1:],
    )  # fmt: skip


def make_epoch(number: int, **more: float) -> EpochRecord:
    """Return an epoch, with more metrics if they are given."""
    metrics = {"mAP50": number / 50, "mAP50-95": number / 100, **more}
    if number == 0:
        return EpochRecord(epoch=0, seconds=0.5, metrics=metrics)
    metrics |= {"train_box_loss": 2.5, "learning_rate": 0.01}
    return EpochRecord(epoch=number, seconds=2.0, metrics=metrics, steps=4, wait_s=0.25, val_s=0.5)
