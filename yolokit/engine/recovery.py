"""What follows an epoch that ended in NaN or infinity: it is trained once more, or the run ends.

Upstream looks at the loss of the last batch alone, and goes back to rounded weights, never before
the first epoch of a run or of a resumption. A batch before the last may have spoilt the weights all
the same; they would be saved, and nothing would bring them back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from yolokit.core.events import Notice
from yolokit.core.plural import counted
from yolokit.engine.distributed import group
from yolokit.engine.process import send
from yolokit.engine.resumption import set_loss_balance
from yolokit.engine.state import read_state, restore_state
from yolokit.errors import TrainError

if TYPE_CHECKING:
    from typing import Any

    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import unwrap_model  # isort: skip - after our edits

GENTLER = "give a smaller --lr, or `--set precision=fp32`"
_MOST_RETRIES = 3


def recover(trainer: YolokitTrainer, epoch: int) -> bool:
    """Go back to the last whole epoch where this one was lost; tell whether it was.

    Args:
        trainer: It has just validated.
        epoch: From 0.

    Raises:
        TrainError: There is nothing to go back to, or it was lost too often.
    """
    models = (unwrap_model(trainer.model), trainer.ema.ema)
    is_lost = group.is_any(not all(map(are_finite, models)), trainer.device)
    if not is_lost and not group.is_any(not _has_finite_result(trainer), trainer.device):
        return False
    # That of the first process: other machines have no folder of the run, or one of an earlier day.
    state = group.take_first_object(read_state(trainer.run_dir) if trainer.is_first else None)
    if state is None:
        if is_lost:
            what = f"the weights became NaN or infinity in epoch {epoch + 1}"
            raise TrainError(
                f"{what}, the first one, so there is nothing to go back to", hint=GENTLER
            )
        return False
    if trainer.retries == _MOST_RETRIES:
        times = counted(trainer.retries + 1, "time")
        raise TrainError(f"epoch {epoch + 1} ended in NaN or infinity {times}", hint=GENTLER)
    _go_back(trainer, epoch, state)
    if trainer.is_first:
        send(Notice(f"epoch {epoch + 1} ended in NaN or infinity: it is trained once more"))
    return True


def _has_finite_result(trainer: YolokitTrainer) -> bool:
    """Tell whether the loss of the last batch and the fitness are numbers."""
    fitness = trainer.fitness
    return bool(torch.isfinite(trainer.loss)) and (fitness is None or math.isfinite(fitness))


def _go_back(trainer: YolokitTrainer, epoch: int, state: dict[str, Any]) -> None:
    """Bring a trainer to where an epoch begins, with other augmentations than those that failed."""
    trainer.retries += 1
    restore_state(trainer, state)
    set_loss_balance(unwrap_model(trainer.model), epoch - 1)
    trainer.scheduler.last_epoch = epoch - 1
    trainer.order.restart(epoch, trainer.retries)
    trainer.train_loader.reset()


def are_finite(model: torch.nn.Module) -> bool:
    """Tell whether all weights of a network are numbers."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())
