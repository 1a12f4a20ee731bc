"""The options of ``yolokit train``: how long a run is, on what, and what is checked meanwhile."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from yolokit.core.options import Count, Option, Positive, Setting, Texts
from yolokit.metrics.fitness import DEFAULT
from yolokit.train.config.start import StartOptions

Seed = Annotated[int, Meta(ge=0, lt=2**31)]  # numpy takes 32 bits, and each worker adds to it


class RunOptions(StartOptions, frozen=True, kw_only=True):
    """How long a run is, on what, and what is checked meanwhile.

    Attributes:
        patience: Upstream's 100 never stops a run of 100 epochs; 50 does.
    """

    preset: Annotated[
        str | None,
        Option(
            "Options for a purpose, overridden by all others; `yolokit help train preset` lists "
            "them.",
            "default|small-data|small-objects|fast|long-tail|FILE",
        ),
    ] = None
    epochs: Annotated[
        int,
        Meta(ge=1, le=1_000_000),
        Option("Passes over the data; with --resume, +N adds some.", "N", takes_more=True),
    ] = 100
    imgsz: Annotated[
        int, Meta(ge=32, le=8192), Option("Side of the input, a multiple of 32.", "PX")
    ] = 640
    batch: Annotated[
        Positive | Literal["auto"],
        Option("Images per step; auto measures a GPU's memory.", "auto|N"),
    ] = "auto"
    device: Annotated[
        str,
        Option(
            "Where to train; auto takes a GPU if any. One process for each that is listed: 0,1.",
            "auto|cpu|0|0,1",
        ),
    ] = "auto"
    nnodes: Annotated[
        Positive, Option("Machines that train together; each runs this command.", "N")
    ] = 1
    rdzv: Annotated[
        str | None,
        Option("Where they meet: an address of the first machine and a free port.", "HOST:PORT"),
    ] = None
    fitness: Annotated[
        str,
        Option(
            "What chooses best.pt and ends a run that gets no better, on val; recall@0.9 is the "
            "highest recall at a precision of 0.9 or more.",
            "map50-95|map50|recall@P",
        ),
    ] = DEFAULT
    seed: Annotated[Seed, Option("Seed of everything random.", "N")] = 0
    folds: Annotated[
        Annotated[int, Meta(ge=2, le=100)] | None,
        Option("Deal train and val into K parts, train K times, measure on each part once.", "K"),
    ] = None
    fold_group: Annotated[
        str | None,
        Setting(
            "What `folds` keeps in one part beside near-duplicates: images of a folder, frames of "
            "a video by their names, or those that share the match of a pattern.",
            "folder|video|re:PATTERN",
        ),
    ] = None
    allow: Annotated[
        Texts, Option("Train despite this finding of the data set's check. Repeatable.", "CODE")
    ] = ()
    workers: Annotated[
        Count | Literal["auto"],
        Setting(
            "Processes that load images; auto takes 8 with a GPU and none without one.", "auto|N"
        ),
    ] = "auto"
    patience: Annotated[
        Count,
        Setting("Stop after N epochs without a better fitness on val; 0 never stops.", "N"),
    ] = 50
    validate: Annotated[
        bool, Setting("Measure on val after every epoch; false only after the last.")
    ] = True
    cache: Annotated[
        Literal["none", "ram"], Setting("Keep decoded images in memory: ram.", "none|ram")
    ] = "none"
    compile: Annotated[
        bool, Option("Compile the network for this device; takes minutes, then saves time.")
    ] = False
    precision: Annotated[
        Literal["auto", "fp32", "fp16", "bf16"],
        Setting(
            "Numbers that training computes with; auto takes bf16 or fp16 where the device "
            "computes it natively.",
            "auto|fp32|fp16|bf16",
        ),
    ] = "auto"
