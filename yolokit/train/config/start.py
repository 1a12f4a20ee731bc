"""The options of ``yolokit train``: what a training starts from."""

from __future__ import annotations

from typing import Annotated, Literal

from yolokit.core.config import Config
from yolokit.core.options import Count, Option, PathText


class DataOptions(Config, frozen=True):
    """What a training is on."""

    data: Annotated[
        PathText, Option("Data set: its data.yaml, or its folder.", "FILE", may_lack=True)
    ]


class StartOptions(DataOptions, frozen=True, kw_only=True):
    """What a training starts from.

    Attributes:
        trust: Must be the file that ``weights`` names.
        freeze: Those of the layers that hold fresh weights are trained nevertheless.
    """

    weights: Annotated[
        str,
        Option(
            "What to start from: a name that `yolokit weights list` shows (fetched and verified "
            "if it is not here), a file, an address, or none.",
            "NAME|PATH|URL|none",
        ),
    ] = "none"
    init: Annotated[
        Literal["network", "backbone", "imagenet"] | None,
        Option(
            "How much of --weights to take; imagenet takes the backbone of the matching "
            "classifier and needs no --weights.",
            "network|backbone|imagenet",
            default="all that fits",
        ),
    ] = None
    backbone: Annotated[
        str | None,
        Option("Another backbone, under the neck and head of --arch.", "torchvision:NAME"),
    ] = None
    arch: Annotated[
        str | None,
        Option(
            "Architecture, where the weights do not bring one.", "NAME|YAML|CFG", default="yolo26n"
        ),
    ] = None
    freeze: Annotated[
        Count | Literal["backbone", "neck"],
        Option(
            "Do not train the backbone, all up to the neck, or the first N layers.",
            "backbone|neck|N",
        ),
    ] = 0
    add_classes: Annotated[
        bool,
        Option(
            "Add the classes that --weights does not know; all others stay as they are, bit for "
            "bit."
        ),
    ] = False
    trust: Annotated[
        str | None, Option("Load this one file even if that runs code stored in it.", "FILE")
    ] = None
    offline: Annotated[bool, Option("Open no connection.")] = False
    require_hash: Annotated[
        bool, Option("Refuse weights whose sha256 is not known beforehand.")
    ] = False
