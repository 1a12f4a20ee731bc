"""Folders of runs that look trained, for tests of what is made of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from yolokit.checkpoints.lineage import WeightsRecord
from yolokit.core.types import Detections
from yolokit.engine_protocol.training import TransferGroup, TransferReport
from yolokit.engine_protocol.validations import (
    BEST_VALIDATION,
    START_VALIDATION,
    ValidatedImage,
    write_validation,
)
from yolokit.train.config import TrainConfig
from yolokit.train.record import DataRecord, EpochRecord, RunRecord, now, write_record

IMAGES = 16


def make_folder(
    folder: Path,
    *,
    epochs: int = 8,
    jitter_px: float = 1.0,
    start_jitter_px: float | None = 30.0,
    names: tuple[str, ...] = ("cat", "dog"),
    state: str = "complete",
    validate: bool = True,
    seed: int = 0,
    fitness: str = "map50-95",
) -> RunRecord:
    """Write a run: its record, what its validations kept, its images, and empty checkpoints.

    A ``start_jitter_px`` of None is a start that did not know the classes. The mAP of an epoch is
    higher than that of the one before; recall@0.9 is highest in the third.
    """
    folder.mkdir(parents=True)
    best = make_validation(folder / "images", jitter_px, seed)
    record = RunRecord(
        config=TrainConfig(
            data="set/data.yaml", epochs=epochs, weights="start.pt", fitness=fitness
        ),
        data=DataRecord(
            path=str(folder / "data.yaml"), sha256="ab" * 32, names=list(names),
            images={"train": 40, "val": IMAGES}, boxes={"train": 80, "val": 2 * IMAGES},
        ),
        weights=WeightsRecord(path="/models/start.pt", sha256="ef" * 32), arch="yolo26n",
        versions={"yolokit": "0"}, started=now(), ended=now(),
        state=state,  # type: ignore[arg-type]
        start=TransferReport(
            kind="network", knows_classes=start_jitter_px is not None,
            groups=[TransferGroup(part="head", action="taken", reason="", tensors=3, values=99)],
        ),
        epochs=[make_epoch(epoch, validate=validate) for epoch in range(1, epochs + 1)],
    )  # fmt: skip
    if validate and epochs:
        assert record.best is not None
        write_validation(folder / BEST_VALIDATION, record.best.epoch, best)
    if start_jitter_px is not None:
        start = make_validation(folder / "images", start_jitter_px, seed)
        write_validation(folder / START_VALIDATION, 0, start)
        record.start_epoch = EpochRecord(
            epoch=0, seconds=1, metrics={"mAP50-95": 0.02, "mAP50": 0.05, "recall@0.9": 0.1}
        )
    for name in ("best.pt", "last.pt"):
        (folder / name).touch()
    write_record(record, folder)
    return record


def make_epoch(epoch: int, *, validate: bool = True) -> EpochRecord:
    metrics = {"train_box_loss": 3 / epoch, "learning_rate": 0.01, "learning_rate_bias": 0.02}
    if validate:
        score = 0.6 * (1 - 0.5**epoch)
        metrics |= {
            "val_box_loss": 4 / epoch, "mAP50-95": score, "mAP50": min(1, 1.4 * score),
            "precision": 0.7, "recall": 0.6, "recall@0.9": 0.5 if epoch == 3 else 0.3,
        }  # fmt: skip
    return EpochRecord(epoch=epoch, seconds=10, metrics=metrics, steps=epoch - 1, wait_s=4, val_s=2)


def make_validation(folder: Path, jitter_px: float, seed: int) -> list[ValidatedImage]:
    """Images with a true box of either class, found with an error of so many px."""
    folder.mkdir(exist_ok=True)
    truths, rng = np.random.default_rng(7), np.random.default_rng(seed)
    images = []
    for index in range(IMAGES):
        path = folder / f"{index}.jpg"
        cv2.imwrite(str(path), np.full((120, 160, 3), 90, np.uint8))
        corner = truths.uniform(0, 50, (2, 2))
        true = np.concatenate([corner, corner + truths.uniform(40, 60, (2, 2))], axis=1)
        found = true + rng.normal(0, jitter_px, true.shape)
        scores = np.sort(rng.random(2).astype(np.float32))[::-1].copy()
        images.append(
            ValidatedImage(
                str(path), (160, 120), true.astype(np.float32), np.arange(2),
                Detections(found.astype(np.float32), scores, np.arange(2)),
            )
        )  # fmt: skip
    return images
