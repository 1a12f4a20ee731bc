"""How far a training is, and what it tells of that: its settings, each batch, each epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yolokit.core.events import BatchEnd, EpochEnd, Notice
from yolokit.engine.epoch_clock import EpochClock
from yolokit.engine.memory import read_memory_bytes
from yolokit.engine.process import send
from yolokit.engine.used import (
    describe_settings,
    keep_finite,
    list_notes,
    name_metrics,
    name_rates,
)
from yolokit.engine_protocol.child import Settled

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer


@dataclass(slots=True)
class EpochProgress:
    """How far an epoch is.

    Attributes:
        clock: Where its time goes.
        batch: Batches that are done.
        pending: Of them, those since the last step of the optimizer.
        steps: Steps of the optimizer.
        images: Images that are done.
        is_validated: Whether its validation is done.
    """

    clock: EpochClock = field(default_factory=EpochClock)
    batch: int = 0
    pending: int = 0
    steps: int = 0
    images: int = 0
    is_validated: bool = False


def tell_settings(trainer: YolokitTrainer, *before: str) -> None:
    """Tell what a training computes with, and what of it a person would not expect.

    Args:
        trainer: It is about to train.
        before: What to say first.
    """
    used = describe_settings(trainer)
    trainer.needs = used.memory
    send(Settled(used))
    for note in (*before, *list_notes(trainer, used)):
        send(Notice(note))


def describe_batch(trainer: YolokitTrainer) -> BatchEnd:
    """Return the event of the batch that has just ended."""
    return BatchEnd(
        epoch=trainer.epoch + 1,
        epochs=trainer.epochs,
        batch=trainer.progress.batch,
        batches=trainer.cadence.batches,
        images=count_images(trainer),
        losses=keep_finite(trainer.tloss),
    )


def count_images(trainer: YolokitTrainer) -> int:
    """Return the images of the batch that has just ended; the last of an epoch has fewer."""
    batch, total = int(trainer.batch_size), trainer.order.shown
    return min(batch, total - (trainer.progress.batch - 1) * batch)


def describe_epoch(trainer: YolokitTrainer) -> EpochEnd:
    """Return the event of the epoch that has just ended."""
    progress = trainer.progress
    # Upstream has zeros for an epoch that it did not validate; a zero is a result.
    measured = (trainer.metrics or {}) if progress.is_validated else {}
    metrics = {**trainer.label_loss_items(trainer.tloss), **measured}
    rates = name_rates(trainer.optimizer.param_groups, trainer.lr)
    return EpochEnd(
        epoch=trainer.epoch + 1,
        epochs=trainer.epochs,
        metrics=name_metrics(metrics, trainer.metric_names) | rates,
        seconds=progress.clock.seconds,
        steps=progress.steps,
        is_last=bool(trainer.stop),
        wait_s=progress.clock.wait_s,
        val_s=progress.clock.val_s,
        retries=trainer.retries,
        fitness=trainer.validator.fitness.name,
        images=progress.images,
        threads=trainer.pace.threads if trainer.pace else None,
        memory_bytes=read_memory_bytes(),
    )
