"""What a training tells as it goes on, and when it does not go as it began."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import torch

from yolokit.core.events import EpochEnd, Event, Notice
from yolokit.engine import process, progress
from yolokit.engine.epoch_clock import EpochClock
from yolokit.engine.progress import EpochProgress, count_images
from yolokit.engine.tasks.detect import Trainer
from yolokit.engine_protocol.child import Settled
from yolokit.metrics.fitness import parse_fitness

from ultralytics.models.yolo.detect import DetectionTrainer  # isort: skip - after our edits

if TYPE_CHECKING:
    pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    events: list[Event] = []
    for module in (process, progress):
        monkeypatch.setattr(module, "send", events.append)
    return events


class Criterion:
    """The two losses of a head, after one epoch too many."""

    updates = 5

    def update(self) -> None:
        self.updates += 1


def make_trainer(**fields: object) -> Trainer:
    trainer = Trainer.__new__(Trainer)
    for name, value in fields.items():
        setattr(trainer, name, value)
    return trainer


def test_a_batch_that_was_halved_for_want_of_memory_is_told_and_recorded(
    told: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DetectionTrainer, "_build_train_pipeline", lambda _self: None)
    monkeypatch.setattr(DetectionTrainer, "_get_warmup_iterations", lambda *_: 0)
    used = SimpleNamespace(images=4, memory=None)
    monkeypatch.setattr(progress, "describe_settings", lambda _trainer: used)
    monkeypatch.setattr(progress, "list_notes", lambda *_: ["2 steps an epoch"])
    trainer = make_trainer(train_loader=[1, 2], accumulate=4, epochs=3, batch_size=8)
    trainer._build_train_pipeline()
    assert told == []
    trainer._is_settled = True
    trainer._build_train_pipeline()
    said = "the device ran out of memory: going on with batch 8"
    assert told == [Settled(used), Notice(said), Notice("2 steps an epoch")]  # type: ignore[arg-type]


@pytest.mark.parametrize("is_validated", [True, False])
def test_an_epoch_has_our_names_and_only_what_was_measured(
    told: list[Event], monkeypatch: pytest.MonkeyPatch, is_validated: bool
) -> None:
    """Upstream has zeros for an epoch that it did not validate, and they would be results."""
    clock = EpochClock()
    clock.wait_s, clock.val_s = 0.5, 0.25
    trainer = make_trainer(
        epoch=1, epochs=3, stop=False, tloss=None, hooks=(), retries=1,
        progress=EpochProgress(clock, steps=4, images=30, is_validated=is_validated),
        metrics={
            "metrics/mAP50-95(B)": 0.4, "metrics/mAP50(B)": 0.6, "metrics/precision(B)": 0.7,
            "metrics/recall(B)": 0.5, "val/box_loss": float("nan"), "val/cls_loss": 2.0,
        },
        lr={"lr/pg0": 0.01, "lr/pg1": 0.02},
        optimizer=SimpleNamespace(param_groups=[{"param_group": x} for x in ("weight", "bias")]),
        label_loss_items=lambda _losses: {"train/box_loss": 1.5},
        validator=SimpleNamespace(fitness=parse_fitness("recall@0.9")),
    )  # fmt: skip
    monkeypatch.setattr(DetectionTrainer, "run_callbacks", lambda *_: None)
    trainer.run_callbacks("on_fit_epoch_end")
    (event,) = told
    assert isinstance(event, EpochEnd)
    assert (event.epoch, event.epochs, event.steps, event.is_last) == (2, 3, 4, False)
    assert (event.wait_s, event.val_s, event.retries, event.images) == (0.5, 0.25, 1, 30)
    assert event.fitness == "recall@0.9"
    assert trainer.retries == 0, "the next epoch counts anew"
    measured = {
        "val_cls_loss": 2.0, "mAP50-95": 0.4, "mAP50": 0.6, "precision": 0.7, "recall": 0.5,
    }  # fmt: skip
    assert event.metrics == {
        "train_box_loss": 1.5, "learning_rate": 0.01, "learning_rate_bias": 0.02,
        **(measured if is_validated else {}),
    }  # fmt: skip


@pytest.mark.parametrize(("number", "images"), [(1, 16), (2, 16), (3, 3)])
def test_the_last_batch_counts_the_images_that_it_has(number: int, images: int) -> None:
    order = SimpleNamespace(shown=35)
    trainer = make_trainer(batch_size=16, order=order, progress=EpochProgress(batch=number))
    assert count_images(trainer) == images


def test_waiting_for_images_is_told_from_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the end of a batch, or the epoch's beginning, to the next batch's arrival."""
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(DetectionTrainer, "run_callbacks", lambda *_: None)

    def take(seconds: float) -> tuple[dict[str, float], float]:
        nonlocal now
        now += seconds
        return {}, 0.5

    trainer = make_trainer(best_fitness=None)
    monkeypatch.setattr(Trainer, "_on_train_batch_end", lambda _self: None)
    trainer.run_callbacks("on_train_epoch_start")
    for waited, computed in ((3.0, 10.0), (0.5, 20.0)):
        now += waited
        trainer.run_callbacks("on_train_batch_start")
        now += computed
        trainer.run_callbacks("on_train_batch_end")
    assert trainer.progress.clock.wait_s == 3.5
    monkeypatch.setattr(DetectionTrainer, "validate", lambda _self: take(4.0))
    trainer.validate()
    assert (trainer.progress.clock.val_s, trainer.progress.clock.wait_s) == (4, 3.5)
    assert trainer.progress.clock.seconds == 37.5
    trainer.run_callbacks("on_train_epoch_start")
    assert trainer.progress.clock.wait_s == 0


def test_a_frozen_beginning_is_computed_forwards_alone() -> None:
    """Upstream freezes by `requires_grad`; torch then records nothing to go back through."""
    from ultralytics.nn.tasks import DetectionModel

    model = DetectionModel("yolo11n.yaml", nc=2, verbose=False).train()
    for name, parameter in model.named_parameters():
        parameter.requires_grad = int(name.split(".")[1]) > 10
    recorded: dict[int, bool] = {}
    for layer in model.model:
        layer.register_forward_hook(
            lambda layer, _args, out: recorded.update({layer.i: _is_recorded(out)})
        )
    model(torch.zeros(1, 3, 64, 64))
    untouched = [index for index, known in recorded.items() if not known]
    assert untouched == list(range(13)), "11 and 12 have no weights"


def _is_recorded(out: object) -> bool:
    """Tell whether torch would go back through an output: a tensor, or the dict of a head."""
    if isinstance(out, dict):
        return any(_is_recorded(value) for value in out.values())
    if isinstance(out, (list, tuple)):
        return any(_is_recorded(value) for value in out)
    return isinstance(out, torch.Tensor) and out.requires_grad
