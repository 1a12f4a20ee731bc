"""Where memory runs out, a training goes on from its last whole epoch with half the batch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from yolokit.core.events import Event, Notice
from yolokit.core.task import Task
from yolokit.engine import out_of_memory as module
from yolokit.engine.out_of_memory import train_within_memory
from yolokit.engine_protocol.own_settings import OwnSettings
from yolokit.engine_protocol.requests import STATE_FILE, TrainRequest
from yolokit.engine_protocol.training import MemoryNeeds
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    events: list[Event] = []
    monkeypatch.setattr(module, "send", events.append)
    return events


def run_out() -> None:
    raise MemoryError


def make_trainer(run_dir: Path, **fields: Any) -> Any:
    loader = SimpleNamespace(dataset=range(16), reset=lambda: None)
    own = OwnSettings(run_dir=str(run_dir), knows_classes=True, patience_anew=True)
    return SimpleNamespace(
        **{
            "train": run_out, "batch_size": 8, "start_epoch": 0, "train_loader": loader,
            "test_loader": loader, "run_dir": run_dir, "own": own, "loss": None,
            "needs": None,
            "args": SimpleNamespace(imgsz=320, nbs=64, freeze=[0, 1]), **fields,
        }
    )  # fmt: skip


def make_request(run_dir: Path) -> TrainRequest:
    own = OwnSettings(run_dir=str(run_dir), patience_anew=True)
    return TrainRequest(
        task=Task.DETECT, data_yaml="d.yaml", start=None, freeze=0, settings={"batch": 8},
        threads=1, own=own,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "when", "back", "patience_anew"),
    [
        ({}, "before epoch 1", "from the start", True),
        ({"epoch": 2}, "in epoch 3", "after epoch 2", False),
        ({"start_epoch": 5}, "before epoch 6", "after epoch 5", True),
        ({"start_epoch": 5, "epoch": 5}, "in epoch 6", "after epoch 5", True),
    ],
)
def test_half_the_batch_goes_on_after_the_last_whole_epoch(
    told: list[Event], tmp_path: Path, fields: dict[str, int], when: str, back: str,
    patience_anew: bool,
) -> None:  # fmt: skip
    (tmp_path / STATE_FILE).touch()
    request = train_within_memory(make_trainer(tmp_path, **fields), make_request(tmp_path))
    assert request is not None
    assert (request.settings["batch"], request.freeze, request.start) == (4, [0, 1], None)
    assert request.own.knows_classes, "as the trainer knows it by now"
    assert request.own.patience_anew == patience_anew, "it begins anew once"
    (notice,) = told
    assert isinstance(notice, Notice)
    assert f"memory ran out {when} with batch 8 at imgsz 320: going on {back} with batch 4" in (
        notice.message
    )


def test_a_batch_that_was_measured_to_fit_is_taken_at_once(
    told: list[Event], tmp_path: Path
) -> None:
    needs = MemoryNeeds(start_bytes=0, image_bytes=100, free_bytes=350)
    trainer = make_trainer(tmp_path, batch_size=64, epoch=0, needs=needs)
    request = train_within_memory(trainer, make_request(tmp_path))
    assert request is not None
    assert request.settings["batch"] == 3, "not 32, 16, 8 and 4 first"
    assert len(told) == 1


def test_a_single_image_that_does_not_fit_ends_the_run(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, batch_size=1, epoch=0)
    with pytest.raises(TrainError, match="in epoch 1 with batch 1 at imgsz 320, and there is no"):
        train_within_memory(trainer, make_request(tmp_path))
