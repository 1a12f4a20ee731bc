"""Classes are added: the loss is that of the new ones, and what is old stays bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from yolokit.engine.hooks.toolkit import Hook

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer


class KeepOld(Hook):
    """Sets the loss, and takes rounding out of the average of weights that do not change."""

    def __init__(self) -> None:
        self._pairs: tuple[list[Any], list[Any]] = ([], [])

    def on_start(self, trainer: YolokitTrainer) -> None:
        """Give model and average the loss of the new classes, as it is after the epochs so far."""
        from ultralytics.utils.torch_utils import unwrap_model

        from yolokit.engine.resumption import set_loss_balance
        from yolokit.engine.tasks._new_classes_loss import make_criterion

        model = unwrap_model(trainer.model)
        for one in (model, trainer.ema.ema):
            one.criterion = make_criterion(one)
        set_loss_balance(model, trainer.start_epoch - 1)

    def on_epoch_start(self, trainer: YolokitTrainer) -> None:
        """Find what stays: going back after NaN makes another average."""
        from ultralytics.utils.torch_utils import unwrap_model

        prefixes = tuple(name for name in trainer.freeze_layer_names if name != ".dfl")
        ours = unwrap_model(trainer.model).state_dict()
        theirs = trainer.ema.ema.state_dict()
        names = [n for n in ours if n.startswith(prefixes) and ours[n].is_floating_point()]
        self._pairs = [theirs[name] for name in names], [ours[name] for name in names]

    def on_step(self, trainer: YolokitTrainer) -> None:
        """Copy what stays: d * w + (1 - d) * w is w but for its last bit."""
        del trainer
        with torch.no_grad():
            torch._foreach_copy_(*self._pairs)
