"""The options of ``yolokit train``: the optimizer, and its rate over a run."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from yolokit.core.options import Positive, Setting
from yolokit.train.config.sampling import SamplingOptions

Optimizer = Literal["auto", "SGD", "Adam", "AdamW", "NAdam", "RAdam", "MuSGD"]


class ScheduleOptions(SamplingOptions, frozen=True, kw_only=True):
    """The optimizer, and its rate over a run.

    Attributes:
        lr0: None for upstream's 0.01.
        momentum: None for upstream's 0.937.
    """

    optimizer: Annotated[
        Optimizer,
        Setting("What turns gradients into steps; auto chooses, and sets lr0 as well.", "NAME"),
    ] = "auto"
    lr0: Annotated[
        Annotated[float, Meta(gt=0, le=1)] | None,
        Setting("Learning rate to begin with; needs an optimizer.", "X", "0.01"),
    ] = None
    lrf: Annotated[
        float, Meta(gt=0, le=1), Setting("Learning rate to end with, as a share of lr0.", "SHARE")
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
        float, Meta(ge=0), Setting("Epochs in which the learning rate rises to lr0.", "N")
    ] = 3.0
    cos_lr: Annotated[
        bool, Setting("Lower the learning rate along a cosine; false along a straight line.")
    ] = False
    nbs: Annotated[
        Positive,
        Setting("Images of one step of the optimizer; smaller batches are added up.", "N"),
    ] = 64
