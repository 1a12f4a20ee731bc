"""The options of ``yolokit train``: the optimizer, and its rate over a run."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from yolokit.core.options import Option, Positive, Setting
from yolokit.train.config.sampling import SamplingOptions

Optimizer = Literal["auto", "SGD", "Adam", "AdamW", "NAdam", "RAdam", "MuSGD"]
Schedule = Literal["linear", "cosine", "one-cycle"]


class ScheduleOptions(SamplingOptions, frozen=True, kw_only=True):
    """The optimizer, and its rate over a run.

    Attributes:
        momentum: None for upstream's 0.937.
    """

    optimizer: Annotated[
        Optimizer, Setting("What turns gradients into steps; auto chooses.", "NAME")
    ] = "auto"
    lr: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | Literal["auto"],
        Option(
            "Learning rate to begin with; auto fits it to the start and to the number of steps.",
            "auto|X",
            former="--lr0",
        ),
    ] = "auto"
    lrf: Annotated[
        float, Meta(gt=0, le=1), Setting("Learning rate to end with, as a share of lr.", "SHARE")
    ] = 0.01
    momentum: Annotated[
        Annotated[float, Meta(ge=0, lt=1)] | None,
        Setting("Momentum of SGD, or first beta of Adam; needs an optimizer.", "X", "0.937"),
    ] = None
    weight_decay: Annotated[
        float,
        Meta(ge=0, lt=1),
        Setting("Pull of the weights towards zero, against fitting noise.", "X"),
    ] = 0.0005
    warmup_epochs: Annotated[
        float, Meta(ge=0), Setting("Epochs in which the learning rate rises to lr.", "N")
    ] = 3.0
    schedule: Annotated[
        Schedule,
        Setting(
            "How the learning rate falls: along a line or a cosine; one-cycle rises and falls "
            "over the whole run.",
            "NAME",
        ),
    ] = "linear"
    nbs: Annotated[
        Positive,
        Setting("Images of one step of the optimizer; smaller batches are added up.", "N"),
    ] = 64
