"""Searches whose trainings take no time, for tests of what is done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tests.samples.runs import make_record
from yolokit.core.events import EpochEnd, OnEvent, StopTraining
from yolokit.jobs.tune.search import Search
from yolokit.jobs.tune.space import Choice, Range, Space
from yolokit.train.config import TrainConfig
from yolokit.train.record import EpochRecord, Stop, write_record
from yolokit.train.run import TrainRun

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SPACE: Space = {
    "lr": Range("log", 1e-5, 1e-2),
    "mosaic": Range("float", 0.0, 1.0),
    "nbs": Range("int", 8, 64),
    "box_loss": Choice(("ciou", "giou")),
}


def make_search(space: Space | None = None, **options: Any) -> Search:
    config = TrainConfig.build({"data": "d", "epochs": 4, **options})
    return Search(
        options=msgspec.json.decode(msgspec.json.encode(config)), space=space or SPACE,
        data_sha256="d" * 64, images_sha256="e" * 64, weights_sha256=None,
        versions={"torch": "2"}, started="2026-01-01T00:00:00+00:00",
    )  # fmt: skip


def score_of(config: TrainConfig) -> float:
    """Return what a training reaches: most with a large lr and no mosaic."""
    lr = 0.0 if config.lr == "auto" else config.lr
    return round(0.3 + 20 * lr - 0.1 * config.mosaic, 6)


def train(
    config: TrainConfig,
    on_event: OnEvent,
    *,
    folder: Path,
    origins: Mapping[str, str] | None = None,
) -> TrainRun:
    """Do as ``train_model`` does to its folder and to who listens."""
    folder.mkdir(parents=True)
    record = make_record(start=False)
    record.config, record.origins = config, dict(origins or {})
    stop = Stop(reason="epochs", epoch=config.epochs, best=config.epochs)
    for epoch in range(1, config.epochs + 1):
        metrics = {"mAP50-95": score_of(config) * epoch / config.epochs, "mAP50": 0.5}
        record.epochs.append(EpochRecord(epoch=epoch, seconds=2.0, metrics=metrics))
        write_record(record, folder)
        for name in ("best.pt", "last.pt", "state.pt"):
            (folder / name).write_bytes(b"weights")
        is_last = epoch == config.epochs
        try:
            on_event(EpochEnd(epoch, config.epochs, metrics, 2.0, 4, is_last))
        except StopTraining as wish:
            stop = Stop(reason="asked", epoch=epoch, best=epoch, why=str(wish))
            break
    for name in ("results.csv", "report.html", "best.detections.npz"):
        (folder / name).write_bytes(b"x")
    record.state, record.stopped = "complete", stop
    record.outputs = {"best.pt": "0" * 64, "last.pt": "0" * 64}
    write_record(record, folder)
    return TrainRun(folder, record)
