"""An epoch that ended in NaN or infinity is trained once more, or the run ends in one sentence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from yolokit.core.events import Event, Notice
from yolokit.engine import recovery as module
from yolokit.engine.recovery import recover
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from pathlib import Path

NAN, ONE = torch.tensor(float("nan")), torch.tensor(1.5)
LAYER, BROKEN = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)
torch.nn.init.constant_(BROKEN.weight, float("nan"))
STATE = {"epoch": 3}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    events: list[Event] = []
    monkeypatch.setattr(module, "send", events.append)
    return events


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Have a run be one that has a state, and return what was restored."""
    states: list[Any] = []
    monkeypatch.setattr(module, "read_state", lambda _run_dir: STATE)
    monkeypatch.setattr(module, "restore_state", lambda _trainer, state: states.append(state))
    monkeypatch.setattr(module, "set_loss_balance", lambda *_: None)
    return states


def make_trainer(run_dir: Path, **fields: Any) -> Any:
    restarted: list[tuple[int, ...]] = []
    return SimpleNamespace(
        **{
            "run_dir": run_dir, "loss": ONE, "fitness": 0.5, "model": LAYER, "retries": 0,
            "ema": SimpleNamespace(ema=LAYER), "device": torch.device("cpu"), "is_first": True,
            "scheduler": SimpleNamespace(last_epoch=0), "restarted": restarted,
            "order": SimpleNamespace(restart=lambda *begin: restarted.append(begin)),
            "train_loader": SimpleNamespace(reset=lambda: None), **fields,
        }
    )  # fmt: skip


def test_before_the_first_whole_epoch_lost_weights_end_the_run(
    told: list[Event], tmp_path: Path
) -> None:
    """Upstream goes on, as it has nothing to go back to, and saves them."""
    with pytest.raises(TrainError, match="the weights became NaN or infinity in epoch 1, the firs"):
        recover(make_trainer(tmp_path, loss=NAN, model=BROKEN), 0)
    assert not recover(make_trainer(tmp_path, loss=NAN), 0), "the loss alone, in one batch"
    assert told == []


@pytest.mark.parametrize(
    "lost",
    [
        {"loss": NAN}, {"fitness": float("nan")}, {"ema": SimpleNamespace(ema=BROKEN)},
        {"model": BROKEN},  # by a batch before the last, whose own loss is a number
    ],
)  # fmt: skip
def test_an_epoch_that_was_lost_is_trained_once_more(
    told: list[Event], restored: list[Any], tmp_path: Path, lost: dict[str, Any]
) -> None:
    """Upstream looks at the loss of the last batch, and saves them where that is a number."""
    trainer = make_trainer(tmp_path, **lost)
    assert recover(trainer, 4)
    assert restored == [STATE]
    assert trainer.restarted == [(4, 1)], "with other augmentations"
    assert trainer.scheduler.last_epoch == 3
    assert told == [Notice("epoch 5 ended in NaN or infinity: it is trained once more")]


def test_a_whole_epoch_stays(told: list[Event], restored: list[Any], tmp_path: Path) -> None:
    assert not recover(make_trainer(tmp_path), 4)
    assert not recover(make_trainer(tmp_path, fitness=None), 4), "it was not validated"
    assert restored == told == []


def test_an_epoch_that_is_lost_again_and_again_ends_the_run(
    restored: list[Any], tmp_path: Path
) -> None:
    with pytest.raises(TrainError, match="epoch 5 ended in NaN or infinity 4 times") as caught:
        recover(make_trainer(tmp_path, loss=NAN, retries=3), 4)
    assert "smaller --lr" in str(caught.value.hint)
    assert restored == []
