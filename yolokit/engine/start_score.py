"""The start is measured before anything is trained: epoch 0, the best until it is beaten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from yolokit.core.events import Phase, StartScore
from yolokit.engine.out_of_memory import validate_within_memory
from yolokit.engine.process import send
from yolokit.engine.used import name_metrics
from yolokit.engine_protocol.validations import START_VALIDATION

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import unwrap_model  # isort: skip - after our edits


def measure_start(trainer: YolokitTrainer) -> None:
    """Validate a start that knows the classes: it is the best until it is beaten."""
    if not trainer.own.knows_classes or trainer.resume or not trainer.args.val:
        return
    criterion = unwrap_model(trainer.model).init_criterion()
    names = getattr(criterion, "one2one", criterion).loss_names
    if trainer.is_first:
        send(Phase("measuring the start"))
    # What upstream's validator needs of a training that has begun.
    trainer.epoch = -1
    trainer.loss_items = dict.fromkeys(names, torch.zeros((), device=trainer.device))
    trainer.begin_epoch()
    metrics = validate_within_memory(trainer, lambda: trainer.validator(trainer))
    if metrics is None:  # not the first worker
        return
    trainer.fitness = trainer.best_fitness = metrics.pop("fitness")
    trainer.is_best = trainer.progress.is_validated = True
    named, seconds = name_metrics(metrics, trainer.metric_names), trainer.progress.clock.seconds
    send(StartScore(named, seconds, trainer.validator.fitness.name))
    trainer.metrics = metrics


def keep_start(trainer: YolokitTrainer) -> None:
    """Save a start that was measured, with all that was decided by it: an epoch may go back to it.

    Args:
        trainer: It is about to train; only its first process.
    """
    if trainer.progress.is_validated:
        trainer.save_model()
        trainer.validator.publish(trainer.run_dir / START_VALIDATION, 0)
