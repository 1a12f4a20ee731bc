"""A start that finds its objects already is led on gently, where a run has few steps.

At the usual rate the first steps undo more than a short run makes up for. What they undo above all
are the statistics of batch normalisation, which follow the augmented images of each batch: after
20 batches nearly half of each is new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from yolokit.core.plural import counted
from yolokit.engine.distributed import group as workers
from yolokit.engine.hooks.toolkit import Hook
from yolokit.engine.rate import ADAMS

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer

GENTLE_LR = 3e-4
FEW_STEPS = 100
DETECTS = 0.1
_NORMS = torch.nn.modules.batchnorm._BatchNorm  # noqa: SLF001 - the base of all, without a name


@dataclass(frozen=True, slots=True)
class Case:
    """What the rate is fitted to.

    Attributes:
        usual: The rate without regard to the start.
        steps: Optimizer steps of the whole run.
        fitness: What the start scores on val, 0 to 1; None if it was not measured.
    """

    usual: float
    steps: int
    fitness: float | None

    @property
    def is_delicate(self) -> bool:
        """Whether the usual rate would do more harm than the run makes up for."""
        return self.steps <= FEW_STEPS and (self.fitness is None or self.fitness >= DETECTS)

    def explain(self) -> str:
        """Say why the rate is not the usual one."""
        finds = "" if self.fitness is None else " and finds its objects"
        steps = counted(self.steps, "step")
        return (
            f"the start knows the classes{finds}, and {steps} would not make up for what the usual "
            f"{self.usual:g} undoes; the statistics of batch normalisation stay as they are"
        )


class GentleStart(Hook):
    """Softens the rate before the first step, and then holds the statistics of the start.

    Args:
        knows_classes: Whether the start detects all classes.
    """

    def __init__(self, *, knows_classes: bool) -> None:
        self._knows_classes = knows_classes
        self._is_gentle: bool | None = None  # until the start is measured

    def on_start(self, trainer: YolokitTrainer) -> None:
        """Decide, unless that was done before the run was interrupted."""
        fitness = workers.take_first(trainer.fitness, trainer.device)
        if self._is_gentle is not None:
            return
        steps = sum(map(trainer.cadence.count_steps, range(trainer.epochs)))
        case = Case(trainer.args.lr0, steps, fitness)
        is_adam = type(trainer.optimizer).__name__ in ADAMS
        self._is_gentle = self._knows_classes and is_adam and case.is_delicate
        if self._is_gentle:
            set_rate(trainer, min(GENTLE_LR, case.usual))
            trainer.lr0_reason = case.explain()

    def on_batch(self, trainer: YolokitTrainer, batch: dict[str, Any]) -> None:
        """Normalise with what the start has seen, which is what val and the exported file do."""
        del batch
        if self._is_gentle:
            for module in trainer.model.modules():
                if isinstance(module, _NORMS):
                    module.eval()

    def state_dict(self) -> dict[str, Any]:
        """Return what was decided; the start is not known any more when the run is resumed."""
        return {"knows_classes": self._knows_classes, "is_gentle": self._is_gentle}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up what was decided."""
        self._knows_classes, self._is_gentle = state["knows_classes"], state["is_gentle"]


def set_rate(trainer: YolokitTrainer, lr: float) -> None:
    """Change the initial rate of all parameters, before the first step."""
    for group in trainer.optimizer.param_groups:
        group["lr"] = group["initial_lr"] = lr
    trainer.scheduler.base_lrs = [lr] * len(trainer.optimizer.param_groups)
    trainer.args.lr0 = lr  # a resumption builds the optimizer from it
