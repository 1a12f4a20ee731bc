"""What is asked of the engine to see what a training is fed, and what is told meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from tests.unit.conftest import write_yolo
from yolokit.core.events import Event, Notice, Phase
from yolokit.engine_protocol.requests import BatchesRequest
from yolokit.engine_protocol.training import FedBatches, FedImage
from yolokit.errors import ConfigError
from yolokit.train import preview
from yolokit.train.config import TrainConfig

if TYPE_CHECKING:
    from yolokit.core.events import OnEvent

YAML = "train: images/train\nval: images/val\nnames: [cat]\n"
FED = FedBatches(images=[FedImage(image="a.png", class_ids=[0], xyxy=[[1, 2, 3, 4]])], batch=4,
                 epoch=1)  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[BatchesRequest]:
    """What the engine is asked; it answers with one image."""
    requests: list[BatchesRequest] = []

    def run_job(
        name: str, request: BatchesRequest, *, log_path: Path, on_event: OnEvent, keeps_log: bool
    ) -> Any:
        assert (name, keeps_log) == ("batches", False)
        assert log_path.parent == Path(request.folder)
        requests.append(request)
        for event in (Phase("reading the data set"), Notice("2 steps an epoch"), Phase("training")):
            on_event(event)
        np.save(Path(request.folder) / "0.npy", np.zeros((8, 8, 3), np.uint8))
        return msgspec.to_builtins(FED)

    monkeypatch.setattr(preview, "run_job", run_job)
    return requests


def feed(folder: Path, told: list[Event] | None = None, **options: Any) -> preview.Fed:
    data = folder / "set"
    write_yolo(data, {"a.png": "0 0.5 0.5 0.2 0.2\n", "b.png": "0 0.5 0.5 0.3 0.2\n"}, yaml=YAML)
    write_yolo(data, {"c.png": "0 0.5 0.5 0.2 0.2\n"}, yaml=YAML, split="val")
    scratch = folder / "scratch"
    scratch.mkdir()
    config = TrainConfig.build({"data": str(data), **options})
    events: list[Event] = told if told is not None else []
    return preview.feed(config, scratch, count=5, on_event=events.append)


def test_the_engine_gets_the_options_of_the_training(
    asked: list[BatchesRequest], tmp_path: Path
) -> None:
    told: list[Event] = []
    fed = feed(tmp_path, told, seed=7, imgsz=64, batch=2, mosaic=0.5, device="cpu")
    (request,) = asked
    assert (request.count, request.last_epochs) == (5, False)
    settings = request.training.settings
    assert {name: settings[name] for name in ("seed", "imgsz", "batch", "mosaic")} == {
        "seed": 7, "imgsz": 64, "batch": 2, "mosaic": 0.5,
    }  # fmt: skip
    assert request.training.start is not None
    assert (request.training.start.kind, request.training.freeze) == ("scratch", 0)
    assert fed.train_images == 2
    ((pixels, image),) = fed
    assert (pixels.shape, image) == ((8, 8, 3), FED.images[0])
    phases = [event.name for event in told if isinstance(event, Phase)]
    assert phases == ["looking at every image and label", "reading the data set"]
    assert Notice("2 steps an epoch") not in told, "it is of a training, and there is none"


def test_weights_are_neither_needed_nor_fetched(
    asked: list[BatchesRequest], tmp_path: Path
) -> None:
    feed(tmp_path, weights="yolo26n", freeze=3, device="cpu")
    start = asked[0].training.start
    assert start is not None
    assert start.weights is None


def test_several_gpus_are_not_started(asked: list[BatchesRequest], tmp_path: Path) -> None:
    told: list[Event] = []
    feed(tmp_path, told, device="0,1", batch=4)
    assert asked[0].training.settings["device"] == "cpu"
    assert any(isinstance(one, Notice) and "several devices" in one.message for one in told)


def test_the_last_epochs_need_a_close_mosaic(tmp_path: Path) -> None:
    config = TrainConfig.build({"data": str(tmp_path), "close_mosaic": 0})
    with pytest.raises(ConfigError, match="close_mosaic is 0"):
        preview.feed(config, tmp_path, count=1, last_epochs=True)
