"""The options of ``yolokit train``: what the network is punished for."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from yolokit.core.options import Setting
from yolokit.train.config.schedule import ScheduleOptions


class LossOptions(ScheduleOptions, frozen=True, kw_only=True):
    """What the network is punished for."""

    box: Annotated[float, Meta(ge=0), Setting("Weight of the loss of box places.", "X")] = 7.5
    box_loss: Annotated[
        Literal["ciou", "diou", "giou", "iou"],
        Setting(
            "How far a box is off: iou by the overlap alone, giou also by the gap between boxes, "
            "diou by that of their centres, ciou by their proportions as well.",
            "ciou|diou|giou|iou",
        ),
    ] = "ciou"
    cls: Annotated[float, Meta(ge=0), Setting("Weight of the loss of classes.", "X")] = 0.5
    dfl: Annotated[
        float, Meta(ge=0), Setting("Weight of the loss of distances to box edges.", "X")
    ] = 1.5
    dropout: Annotated[
        Annotated[float, Meta(ge=0, lt=1)] | None,
        Setting(
            "Share of values that the network's dropout layers drop; an error where it has none.",
            "SHARE",
            "as the network states it",
        ),
    ] = None
