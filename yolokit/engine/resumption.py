"""How a run goes on after the last epoch that it has."""

from __future__ import annotations

from typing import Any

from yolokit.core.events import Notice
from yolokit.engine import process


def say_inexact() -> None:
    """Say that a run has no ``state.pt``."""
    process.send(
        Notice(
            "this run has no state.pt, as those of earlier versions: it goes on with rounded "
            "weights, not bit for bit as it would have"
        )
    )


def set_loss_balance(model: Any, last: int) -> None:
    """Shift the weights of a head's two losses to where they are after an epoch, from 0.

    Source: ultralytics ``engine/trainer.py:resume_training``.
    """
    if last >= 0 and getattr(model.model[-1], "one2one_cv2", None) is not None:
        if getattr(model, "criterion", None) is None:
            model.criterion = model.init_criterion()
        model.criterion.updates = last
        model.criterion.update()
