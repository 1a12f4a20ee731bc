"""Where a run goes on: after the last epoch that its ``state.pt`` has, or else its ``last.pt``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.events import Notice
from yolokit.engine import process
from yolokit.engine.state import read_state

if TYPE_CHECKING:
    from pathlib import Path


def goes_on_exactly(run_dir: Path, checkpoint: dict[str, Any]) -> bool:
    """Tell whether a run has all that it goes on from; say so where it has not.

    Args:
        run_dir: Folder of the run.
        checkpoint: Its ``last.pt``; before the first epoch there is nothing to round.
    """
    if read_state(run_dir) is not None or checkpoint["epoch"] < 0:
        return True
    process.send(
        Notice(
            "this run was begun by an earlier version, which kept rounded weights: it goes on, but "
            "not bit for bit as it would have"
        )
    )
    return False


def find_last_epoch(run_dir: Path, checkpoint: dict[str, Any]) -> int:
    """Return the last whole epoch, from 0; -1 where there is none."""
    state = read_state(run_dir)
    return int((checkpoint if state is None else state)["epoch"])


def set_loss_balance(model: Any, last: int) -> None:
    """Shift the weights of a head's two losses to where they are after an epoch, from 0.

    Source: ultralytics ``engine/trainer.py:resume_training``.
    """
    if last >= 0 and getattr(model.model[-1], "one2one_cv2", None) is not None:
        model.criterion = model.init_criterion()
        model.criterion.updates = last
        model.criterion.update()
