"""What a hook may do, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer


class Hook:
    """Looks on while a training goes on; each method is given the trainer, and does nothing here.

    Each process of a training has hooks of its own. A hook that sends events does so in the first
    process alone: ``trainer.is_first``.
    """

    def on_start(self, trainer: YolokitTrainer) -> None:
        """Be told that training begins: everything is set up, the start is measured."""

    def on_epoch_start(self, trainer: YolokitTrainer) -> None:
        """Be told that ``trainer.epoch``, from 0, begins."""

    def on_batch(self, trainer: YolokitTrainer, batch: dict[str, Any]) -> None:
        """Be given a batch as the network gets it: upstream's keys, ``img`` in [0, 1]."""

    def on_gradients(self, trainer: YolokitTrainer) -> None:
        """Be told that the optimizer is about to step; gradients are neither clipped nor unscaled.

        ``trainer.scaler`` knows their scale, which is 1 unless training computes in fp16.
        """

    def on_step(self, trainer: YolokitTrainer) -> None:
        """Be told that the optimizer has stepped."""

    def on_batch_end(self, trainer: YolokitTrainer) -> None:
        """Be told that a batch is done; ``trainer.loss`` is its loss."""

    def on_epoch_end(self, trainer: YolokitTrainer) -> None:
        """Be told that an epoch is done, validated and saved; its event follows."""

    def on_end(self, trainer: YolokitTrainer) -> None:
        """Be told that training has ended by itself."""

    def state_dict(self) -> dict[str, Any]:
        """Return what the hook must remember when the run is resumed: plain values and tensors."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what :meth:`state_dict` returned."""


# Upstream's callbacks -> the methods that they lead to.
MOMENTS = {
    "on_train_start": "on_start",
    "on_train_epoch_start": "on_epoch_start",
    "on_train_batch_end": "on_batch_end",
    "on_fit_epoch_end": "on_epoch_end",
    "on_train_end": "on_end",
}
