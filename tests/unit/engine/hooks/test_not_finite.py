"""A loss that is not a number is told with its epoch, its batch and its images."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from yolokit.core.events import Event
from yolokit.engine.hooks import not_finite as module
from yolokit.engine.hooks.not_finite import NotFinite
from yolokit.engine.mixed_images import MixedImage
from yolokit.engine_protocol.own_settings import OwnSettings
from yolokit.engine_protocol.requests import STATE_FILE
from yolokit.errors import TrainError

NAN, ONE = torch.tensor(float("nan")), torch.tensor(1.0)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    events: list[Event] = []
    monkeypatch.setattr(module, "send", events.append)
    return events


def make_trainer(**fields: Any) -> Any:
    return SimpleNamespace(
        **{
            "loss": NAN, "loss_items": {"box_loss": ONE, "cls_loss": NAN}, "epoch": 2,
            "batch_number": 5, "cadence": SimpleNamespace(batches=12), "run_dir": Path("none"),
            "model": torch.nn.Linear(1, 1), "device": torch.device("cpu"),
            "own": OwnSettings(run_dir="none"), **fields,
        }
    )  # fmt: skip


def see(hook: NotFinite, trainer: Any, images: list[str]) -> None:
    hook.on_batch(trainer, {"im_file": images})
    hook.on_batch_end(trainer)


def test_the_first_of_an_epoch_is_told_with_all_images(
    told: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    hook = NotFinite()
    hook.on_epoch_start(make_trainer())
    see(hook, make_trainer(loss=ONE), ["/data/images/0.png"])
    assert told == []
    images = ["/data/images/a.png", MixedImage(["/data/images/b.png", "/data/more/c.png"])]
    see(hook, make_trainer(), images)
    see(hook, make_trainer(batch_number=6), images)
    (notice,) = told
    said = "epoch 3, batch 5 of 12: the loss is NaN (cls_loss); the batch was made of "
    assert notice.message.startswith(f"{said}images/a.png, images/b.png, more/c.png in /data")
    assert "/data/more/c.png" in capsys.readouterr().out, "the log has whole paths"
    hook.on_epoch_start(make_trainer())
    see(hook, make_trainer(loss=torch.tensor(float("inf"))), images)
    assert "the loss is infinite" in told[1].message


LOST = torch.nn.Linear(1, 1)
torch.nn.init.constant_(LOST.weight, float("nan"))


def test_a_run_ends_where_weights_are_lost_that_are_nowhere_else(
    told: list[Any], tmp_path: Path
) -> None:
    """A scaler of fp16 leaves out a step whose gradients are not numbers."""
    see(NotFinite(), make_trainer(epoch=0), ["/data/a.png"])
    assert len(told) == 1
    with pytest.raises(TrainError, match=r"batch 5 of 12.*a\.png.*the weights are lost with it"):
        see(NotFinite(), make_trainer(epoch=0, model=LOST), ["/data/a.png"])
    (tmp_path / STATE_FILE).touch()
    see(NotFinite(), make_trainer(epoch=0, model=LOST, run_dir=tmp_path), ["/data/a.png"])
    assert len(told) == 2, "the epoch is trained once more"


def test_of_several_processes_the_one_with_the_batch_tells(
    told: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights, which all share, make the next batch of every other one NaN."""
    hook, seen = NotFinite(), list[bool]()

    def hear_of_another(here: bool, _device: torch.device) -> bool:
        seen.append(here)
        return True

    monkeypatch.setattr(module, "is_any", hear_of_another)
    see(hook, make_trainer(loss=ONE), ["/data/innocent.png"])
    see(hook, make_trainer(), ["/data/innocent.png"])
    assert told == []
    assert seen == [False]
