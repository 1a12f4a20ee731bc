"""The optimizer and its rate, where a training leaves them open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolokit.engine.trainer import YolokitTrainer

ADAMS = ("Adam", "AdamW", "NAdam", "RAdam")


@dataclass(frozen=True, slots=True)
class Choice:
    """What the optimizer is built with; upstream's names.

    Attributes:
        optimizer: Name of the class, or auto.
        lr0: Rate after the warm-up.
        momentum: Of SGD; first beta of the kin of Adam.
        warmup_bias_lr: Rate at which biases begin the warm-up.
    """

    optimizer: str
    lr0: float
    momentum: float
    warmup_bias_lr: float


def settle(
    trainer: YolokitTrainer, name: str, lr: float, momentum: float
) -> tuple[str, float, float]:
    """Settle in a trainer's settings what its optimizer is built with, and return it.

    A resumption builds the optimizer from these settings.
    """
    own, args = trainer.own, trainer.args
    asked = Choice(name, lr, momentum, args.warmup_bias_lr)
    classes = trainer.data["nc"]
    chosen = complete(asked, own.lr, classes=classes, knows_classes=own.knows_classes)
    args.optimizer, args.lr0 = chosen.optimizer, chosen.lr0
    args.warmup_bias_lr = chosen.warmup_bias_lr
    return chosen.optimizer, chosen.lr0, chosen.momentum


def complete(asked: Choice, lr: float | None, *, classes: int, knows_classes: bool) -> Choice:
    """Complete what was asked for; where nothing was, the choice is left to upstream.

    Args:
        asked: Upstream's settings, in which what was left open has upstream's default.
        lr: The rate that was asked for; None to choose one.
        classes: How many classes are learnt.
        knows_classes: Whether the start detects them all already.
    """
    if asked.optimizer == "auto":
        return asked if lr is None else Choice("AdamW", lr, 0.9, 0.0)
    is_adam = asked.optimizer in ADAMS
    usual = usual_adam_rate(classes) if is_adam else asked.lr0
    # Biases begin at 0.1 for SGD. Adam's steps are as long as the rate, whatever the gradient.
    bias = 0.0 if is_adam or knows_classes else asked.warmup_bias_lr
    return Choice(asked.optimizer, usual if lr is None else lr, asked.momentum, bias)


def usual_adam_rate(classes: int) -> float:
    """Return the rate that upstream's auto takes for AdamW."""
    return round(0.002 * 5 / (4 + classes), 6)
