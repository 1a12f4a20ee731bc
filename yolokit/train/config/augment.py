"""The options of ``yolokit train``: how pictures are changed before the network sees them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from yolokit.core.options import Count, Setting, Share
from yolokit.train.config.loss import LossOptions


class AugmentOptions(LossOptions, frozen=True, kw_only=True):
    """How pictures are changed before the network sees them."""

    mosaic: Annotated[
        Share,
        Setting("Share of training pictures that are put together from four images.", "SHARE"),
    ] = 1.0
    close_mosaic: Annotated[Count, Setting("Last epochs, in which no mosaic is made.", "N")] = 10
    mixup: Annotated[
        Share, Setting("Share of training pictures that are two, one shining through.", "SHARE")
    ] = 0.0
    copy_paste: Annotated[
        Share,
        Setting("Share of objects with an outline that are copied to other places.", "SHARE"),
    ] = 0.0
    hsv_h: Annotated[
        Share, Setting("Most that hues are turned, as a share of the circle.", "SHARE")
    ] = 0.015
    hsv_s: Annotated[Share, Setting("Most that colours get stronger or paler.", "SHARE")] = 0.7
    hsv_v: Annotated[Share, Setting("Most that pictures get brighter or darker.", "SHARE")] = 0.4
    degrees: Annotated[
        float, Meta(ge=0, le=180), Setting("Most that pictures are turned, in degrees.", "DEGREES")
    ] = 0.0
    translate: Annotated[
        Share, Setting("Most that pictures are moved, as a share of their side.", "SHARE")
    ] = 0.1
    scale: Annotated[Share, Setting("Most that pictures are enlarged or reduced.", "SHARE")] = 0.5
    shear: Annotated[
        float, Meta(ge=0, le=180), Setting("Most that pictures are slanted, in degrees.", "DEGREES")
    ] = 0.0
    perspective: Annotated[
        float, Meta(ge=0, le=0.001), Setting("Most that pictures are tilted away.", "X")
    ] = 0.0
    fliplr: Annotated[Share, Setting("Share of pictures mirrored left to right.", "SHARE")] = 0.5
    flipud: Annotated[Share, Setting("Share of pictures mirrored top to bottom.", "SHARE")] = 0.0
    multi_scale: Annotated[
        float,
        Meta(ge=0, le=0.9),
        Setting(
            "Most that the input's side varies from batch to batch, as a share of imgsz; "
            "validation keeps imgsz.",
            "SHARE",
        ),
    ] = 0.0
