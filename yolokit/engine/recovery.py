"""What follows an epoch that ended in NaN or infinity: it is trained once more, or the run ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from yolokit.core.events import Notice
from yolokit.engine.hooks.not_finite import ADVICE, are_finite
from yolokit.engine.process import send
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import unwrap_model  # isort: skip - after our edits


def recover(trainer: YolokitTrainer, epoch: int, go_back: Callable[[int], bool]) -> bool:
    """Go back to the last whole epoch where this one was lost; tell whether it was.

    Upstream looks at the loss of the last batch alone. One before it may have spoilt the weights
    all the same, which would then be saved, and nothing would bring them back.

    Args:
        trainer: It has just validated.
        epoch: From 0.
        go_back: Upstream's way.

    Raises:
        TrainError: There is nothing to go back to, or it was lost too often.
    """
    if not are_finite(unwrap_model(trainer.model)):
        trainer.loss = torch.full_like(trainer.loss, torch.nan)
    try:
        goes_back = go_back(epoch)
    except RuntimeError as error:
        if "NaN persisted" not in str(error):
            raise
        what = f"epoch {epoch + 1} ended in NaN or infinity {trainer.nan_recovery_attempts} times"
        raise TrainError(what, hint=ADVICE) from error
    if goes_back and trainer.is_first:
        send(Notice(f"epoch {epoch + 1} ended in NaN or infinity: it is trained once more"))
    elif trainer.is_first and epoch == trainer.start_epoch and not are_finite(trainer.ema.ema):
        raise TrainError(
            f"the weights became NaN or infinity in epoch {epoch + 1}, the first one, so there is "
            "nothing to go back to",
            hint=ADVICE,
        )
    return goes_back
