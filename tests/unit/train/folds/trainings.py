"""A stand-in for the training of folds, which leaves what a real one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from tests.unit.train.report.runs import make_folder, make_validation
from yolokit.core.events import Notice, OnEvent, ignore
from yolokit.engine_protocol.validations import BEST_VALIDATION, write_validation
from yolokit.errors import WeightsError
from yolokit.train.config import TrainConfig
from yolokit.train.record import read_record, write_record
from yolokit.train.run import TrainRun
from yolokit.train.run_folder import clear_failed_run


class Trainings:
    """Stands for the training of a fold: what was asked, and where one ends early."""

    def __init__(self) -> None:
        self.jitter = 1.0
        self.begun: list[str] = []
        self.resumed: list[tuple[str, dict[str, Any]]] = []
        self.configs: list[TrainConfig] = []
        self.fails: Callable[[str], BaseException | None] = lambda _fold: None

    def train(
        self, config: TrainConfig, on_event: OnEvent, *, folder: Path, origins: Mapping[str, str]
    ) -> TrainRun:
        on_event(Notice("verdict: fine"))
        self.begun.append(folder.name)
        clear_failed_run(folder)
        if folder.exists():
            folder.rmdir()  # which must be empty
        self.configs.append(config)
        error = self.fails(folder.name)
        if isinstance(error, WeightsError):
            raise error
        seed = int(folder.name[-1])
        record = make_folder(folder, epochs=4, jitter_px=seed, seed=seed, start_jitter_px=None)
        record.config, record.origins = config, dict(origins)
        record.data = msgspec.structs.replace(record.data, path=str(config.data))
        self._measure(folder, config, seed)
        record.epochs[-1].metrics["mAP50-95"] = 0.6 + seed / 10
        if error is not None:
            record.state = "interrupted"
        write_record(record, folder)
        if error is not None:
            raise error
        return TrainRun(folder, record)

    def _measure(self, folder: Path, config: TrainConfig, seed: int) -> None:
        """Keep what the fold found on the images that it was dealt."""
        listed = Path(config.data).with_suffix(".val.txt").read_text().splitlines()
        made = make_validation(folder / "images", seed * self.jitter, seed)
        images = [replace(one, path=path) for one, path in zip(made, listed, strict=False)]
        write_validation(folder / BEST_VALIDATION, 4, images)

    def resume(
        self, folder: Path, changes: Mapping[str, Any], *, on_event: OnEvent = ignore
    ) -> TrainRun:
        self.resumed.append((folder.name, dict(changes)))
        record = read_record(folder)
        record.state = "complete"
        write_record(record, folder)
        return TrainRun(folder, record)
