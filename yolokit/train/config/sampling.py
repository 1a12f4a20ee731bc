"""The options of ``yolokit train``: which images an epoch shows, and how much each class counts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from yolokit.core.options import Setting, Share
from yolokit.train.config.run import RunOptions


class SamplingOptions(RunOptions, frozen=True, kw_only=True):
    """Which images an epoch shows, and how much each class counts."""

    fraction: Annotated[
        float, Meta(gt=0, le=1), Setting("Train on this share of the images only.", "SHARE")
    ] = 1.0
    class_weights: Annotated[
        Share,
        Setting("Weigh rare classes more: 0 all alike, 1 by the inverse of their number.", "X"),
    ] = 0.0
    repeat_factor: Annotated[
        Share,
        Setting(
            "Show images with a class more often that is on fewer than this share of the images: "
            "on a quarter of it, twice as often; 0 shows each image once an epoch.",
            "SHARE",
        ),
    ] = 0.0
