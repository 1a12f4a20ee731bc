"""How a run goes on after the last epoch that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.events import Notice
from yolokit.engine.process import send
from yolokit.engine.state import read_state, restore_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from yolokit.engine.trainer import YolokitTrainer

from ultralytics.utils.torch_utils import unwrap_model  # isort: skip - after our edits

_INEXACT = (
    "this run has no state.pt, as those of earlier versions: it goes on with rounded weights, not "
    "bit for bit as it would have"
)


def go_on(
    trainer: YolokitTrainer,
    checkpoint: dict[str, Any],
    *,
    load: Callable[[dict[str, Any]], None],
    resume: Callable[[dict[str, Any]], None],
) -> None:
    """Go on after the last whole epoch, exactly where there is a ``state.pt``.

    Args:
        trainer: It is set up.
        checkpoint: Its ``last.pt``.
        load: Upstream's way to take the state of a checkpoint.
        resume: Upstream's way to go on, which refuses where there is no whole epoch.
    """
    state = read_state(trainer.run_dir)
    if state is not None:
        restore_state(trainer, state)
    elif checkpoint["epoch"] < 0:
        load(checkpoint)
    else:
        send(Notice(_INEXACT))
        resume(checkpoint)
        return
    trainer.start_epoch = (checkpoint if state is None else state)["epoch"] + 1
    set_loss_balance(unwrap_model(trainer.model), trainer.start_epoch - 1)


def set_loss_balance(model: Any, last: int) -> None:
    """Shift the weights of a head's two losses to where they are after an epoch, from 0.

    Args:
        model: The network itself.
        last: The last whole epoch; -1 before the first.

    Source: ultralytics ``engine/trainer.py:resume_training``.
    """
    if getattr(model.model[-1], "one2one_cv2", None) is None:
        return
    if getattr(model, "criterion", None) is None:
        if last < 0:
            return  # it begins with the first batch
        model.criterion = model.init_criterion()
    model.criterion.updates = last
    model.criterion.update()
