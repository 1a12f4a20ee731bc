"""The options of ``yolokit train``: what the network is punished for."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from yolokit.core.options import Setting
from yolokit.train.config.schedule import ScheduleOptions


class LossOptions(ScheduleOptions, frozen=True, kw_only=True):
    """What the network is punished for."""

    box: Annotated[float, Meta(ge=0), Setting("Weight of the loss of box places.", "X")] = 7.5
    cls: Annotated[float, Meta(ge=0), Setting("Weight of the loss of classes.", "X")] = 0.5
    dfl: Annotated[
        float, Meta(ge=0), Setting("Weight of the loss of distances to box edges.", "X")
    ] = 1.5
