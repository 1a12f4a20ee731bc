"""Tells the loader which epoch it begins with, from which the order of its images follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.engine.hooks.toolkit import Hook

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer


class EpochOrder(Hook):
    """Names each epoch to the sampler of the train split: a resumed run does not begin at 0."""

    def on_epoch_start(self, trainer: YolokitTrainer) -> None:
        """Be told that ``trainer.epoch``, from 0, begins."""
        trainer.train_loader.sampler.set_epoch(trainer.epoch)
