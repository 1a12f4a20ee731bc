"""A start that finds its objects already is led on gently, where a run has few steps.

At the usual rate the first steps undo more than a short run makes up for. Most of the harm comes
from the statistics of batch normalisation: they follow the augmented images, and after 20 batches
nearly half of each is new. Measured (``tests/bench/small_data.py``, demo, 8 steps, one seed): from
0.704 to 0.648 at a rate of 3e-4, and to 0.713 if only the statistics stay; at 1e-4 to 0.679 and
0.707. A start that finds less needs the statistics of the new images: there the same case, with
other colours, ends at 0.363 from 0.318, and at 0.319 if they stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from yolokit.core.plural import counted
from yolokit.engine.distributed import group as workers
from yolokit.engine.hooks.toolkit import Hook
from yolokit.engine.rate import ADAMS
from yolokit.engine.used import name_metrics
from yolokit.metrics.fitness import MAP50_95

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer

FEW_STEPS = 100
FAIR, FAIR_SHARE = 0.1, 1 / 10  # mAP50-95 of the start on val -> share of the usual rate
GOOD, GOOD_SHARE = 0.35, 1 / 25
_NORMS = torch.nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - the base of all, without a name


class Choice(NamedTuple):
    """What a training begins with.

    Attributes:
        lr: Rate after the warm-up.
        holds_statistics: Whether batch normalisation keeps those of the start.
        reason: Why, for a person; None for what is usual.
    """

    lr: float
    holds_statistics: bool = False
    reason: str | None = None


def choose(usual: float, *, steps: int, score: float | None) -> Choice:
    """Choose for a start that knows all classes.

    Args:
        usual: The rate without regard to the start.
        steps: Optimizer steps of the whole run.
        score: mAP50-95 of the start on val; None if it was not measured, which is taken for good.
    """
    if steps > FEW_STEPS or (score is not None and score < FAIR):
        return Choice(usual)
    is_good = score is None or score >= GOOD
    finds = " and finds its objects" if is_good else " and finds some objects"
    if score is None:
        finds = ""
    reason = (
        f"the start knows the classes{finds}, and {counted(steps, 'step')} would not make up for "
        f"what the usual {usual:g} undoes"
    )
    if is_good:
        reason += "; the statistics of batch normalisation stay as they are"
    return Choice(usual * (GOOD_SHARE if is_good else FAIR_SHARE), is_good, reason)


class GentleStart(Hook):
    """Lowers the rate before the first step, and holds the statistics of a good start.

    Args:
        knows_classes: Whether the start detects all classes.
    """

    def __init__(self, *, knows_classes: bool) -> None:
        self._knows_classes = knows_classes
        self._holds: bool | None = None  # until the start is measured
        self._reason: str | None = None

    def on_start(self, trainer: YolokitTrainer) -> None:
        """Decide, unless that was done before the run was interrupted."""
        score = workers.take_first(_read_score(trainer), trainer.device)
        if self._holds is not None:
            trainer.lr0_reason = self._reason
            return
        usual = Choice(trainer.args.lr0)
        is_adam = type(trainer.optimizer).__name__ in ADAMS
        steps = sum(map(trainer.cadence.count_steps, range(trainer.epochs)))
        applies = self._knows_classes and is_adam
        chosen = choose(usual.lr, steps=steps, score=score) if applies else usual
        self._holds, self._reason = chosen.holds_statistics, chosen.reason
        if chosen != usual:
            set_rate(trainer, chosen.lr)
            trainer.lr0_reason = chosen.reason

    def on_batch(self, trainer: YolokitTrainer, batch: dict[str, Any]) -> None:
        """Normalise as the start does, and as the exported file will."""
        del batch
        if self._holds:
            for module in trainer.model.modules():
                if isinstance(module, _NORMS):
                    module.eval()

    def state_dict(self) -> dict[str, Any]:
        """Return what was decided; the start is not known any more when the run is resumed."""
        return {
            "knows_classes": self._knows_classes, "holds": self._holds, "reason": self._reason,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what was decided."""
        self._knows_classes, self._holds = state["knows_classes"], state["holds"]
        self._reason = state["reason"]


def _read_score(trainer: YolokitTrainer) -> float | None:
    """Return the mAP50-95 of the start, whatever epochs are judged by; None if it is not known."""
    if trainer.fitness is None or trainer.metrics is None:  # a resumed worker that is not the first
        return None
    return name_metrics(trainer.metrics, trainer.metric_names)[MAP50_95]


def set_rate(trainer: YolokitTrainer, lr: float) -> None:
    """Change the initial rate of all parameters, before the first step."""
    for group in trainer.optimizer.param_groups:
        group["lr"] = group["initial_lr"] = lr
    trainer.scheduler.base_lrs = [lr] * len(trainer.optimizer.param_groups)
    trainer.args.lr0 = lr  # a resumption builds the optimizer from it
