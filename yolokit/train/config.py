"""The options of ``yolokit train``: one frozen struct, checked as a whole before the start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from yolokit.core.config import Config
from yolokit.core.options import Count, Option, PathText, Positive, Setting, Share, Texts
from yolokit.core.suggest import describe_unknown
from yolokit.train.other_words import OTHER_WORDS

Seed = Annotated[int, Meta(ge=0, lt=2**31)]  # numpy takes 32 bits, and each worker adds to it
Optimizer = Literal["auto", "SGD", "Adam", "AdamW", "NAdam", "RAdam", "MuSGD"]


class _Data(Config, frozen=True):
    data: Annotated[
        PathText, Option("Data set: its data.yaml, or its folder.", "FILE", may_lack=True)
    ]


class TrainConfig(_Data, frozen=True, kw_only=True):
    """How a model is trained. Names follow the field; defaults are upstream's unless noted.

    Attributes:
        trust: Must be the file that ``weights`` names.
        patience: Upstream's 100 never stops a run of 100 epochs; 50 does.
        lr0: None for upstream's 0.01.
        momentum: None for upstream's 0.937.
        freeze: Those of the layers that hold fresh weights are trained nevertheless.
    """

    JOB: ClassVar[str] = "train"
    FOREIGN: ClassVar[Mapping[str, str]] = OTHER_WORDS

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
    trust: Annotated[
        str | None, Option("Load this one file even if that runs code stored in it.", "FILE")
    ] = None
    offline: Annotated[bool, Option("Open no connection.")] = False
    require_hash: Annotated[
        bool, Option("Refuse weights whose sha256 is not known beforehand.")
    ] = False
    epochs: Annotated[int, Meta(ge=1, le=1_000_000), Option("Passes over the data.", "N")] = 100
    imgsz: Annotated[int, Meta(ge=32, le=8192), Option("Side of the input.", "PX")] = 640
    batch: Annotated[
        Positive | Literal["auto"],
        Option("Images per step; auto measures a GPU's memory.", "auto|N"),
    ] = "auto"
    device: Annotated[str, Option("Where to train; auto takes a GPU if any.", "auto|cpu|0|0,1")] = (
        "auto"
    )
    seed: Annotated[Seed, Option("Seed of everything random.", "N")] = 0
    allow: Annotated[
        Texts, Option("Train despite this finding of the data set's check. Repeatable.", "CODE")
    ] = ()
    workers: Annotated[
        Count | Literal["auto"],
        Setting("Processes that load images; of use with a GPU alone. auto takes 8.", "auto|N"),
    ] = "auto"
    patience: Annotated[
        Count,
        Setting("Stop after N epochs without a better mAP50-95 on val; 0 never stops.", "N"),
    ] = 50
    validate: Annotated[
        bool, Setting("Measure on val after every epoch; false only after the last.")
    ] = True
    cache: Annotated[
        Literal["none", "ram"], Setting("Keep decoded images in memory: ram.", "none|ram")
    ] = "none"
    precision: Annotated[
        Literal["auto", "fp32", "fp16", "bf16"],
        Setting(
            "Numbers that training computes with; auto takes bf16 or fp16 where the device "
            "computes it natively.",
            "auto|fp32|fp16|bf16",
        ),
    ] = "auto"
    fraction: Annotated[
        float, Meta(gt=0, le=1), Setting("Train on this share of the images only.", "SHARE")
    ] = 1.0

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
    class_weights: Annotated[
        Share,
        Setting("Weigh rare classes more: 0 all alike, 1 by the inverse of their number.", "X"),
    ] = 0.0

    box: Annotated[float, Meta(ge=0), Setting("Weight of the loss of box places.", "X")] = 7.5
    cls: Annotated[float, Meta(ge=0), Setting("Weight of the loss of classes.", "X")] = 0.5
    dfl: Annotated[
        float, Meta(ge=0), Setting("Weight of the loss of distances to box edges.", "X")
    ] = 1.5

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

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        return _check_between_fields(values)


TORCHVISION = "torchvision:"

# Ours -> upstream's, where the two differ.
_UPSTREAM_NAMES = {"validate": "val", "class_weights": "cls_pw"}
# Resolved by yolokit, not handed on under these names.
_OURS = {
    "data", "allow", "weights", "init", "backbone", "arch", "trust", "offline", "require_hash",
    "freeze", "device", "batch", "workers", "precision", "cache", "lr0", "momentum",
}  # fmt: skip


def _check_between_fields(values: Mapping[str, Any]) -> list[str]:
    from yolokit.core.findings import find_unknown_codes
    from yolokit.datasets.checks import allowable_codes

    problems = [
        f"{name}: has no effect with optimizer auto, which chooses one of its own; "
        "set optimizer as well, e.g. SGD"
        for name in ("lr0", "momentum")
        if values.get(name) is not None and values.get("optimizer") == "auto"
    ]
    imgsz = values.get("imgsz")
    if isinstance(imgsz, int) and imgsz % 32:
        near = max(32, round(imgsz / 32) * 32)
        problems.append(f"imgsz: must be a multiple of 32, not {imgsz} (nearest is {near})")
    problems += _check_start(values)
    problems += find_unknown_codes(values.get("allow", ()), allowable_codes())
    device = values.get("device", "auto")
    if not is_device(device):
        problems.append(f"device: {_describe_no_device(device)}")
    batch, gpus = values.get("batch"), device.count(",") + 1
    if isinstance(batch, int) and batch % gpus:
        problems.append(f"batch: must be a multiple of the number of devices ({gpus}), not {batch}")
    return problems


def _check_start(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each option of the start that does not go with another."""
    problems = []
    weights, init = values.get("weights", "none"), values.get("init")
    none, backbone = weights == "none", values.get("backbone")
    if backbone is not None and (backbone == TORCHVISION or not backbone.startswith(TORCHVISION)):
        problems.append(f"backbone: must be {TORCHVISION}NAME, not {backbone!r}")
    if backbone is not None and init in ("network", "backbone"):
        problems.append(f"init: {init} cannot be combined with backbone; imagenet can, or no init")
    if init == "imagenet" and not none:
        problems.append("init: imagenet finds its weights by itself, so weights must be none")
    if init in ("network", "backbone") and none and backbone is None:
        problems.append(f"init: {init} needs weights to take it from")
    brings_arch = not none and init != "backbone" and backbone is None and not is_darknet(weights)
    if values.get("arch") is not None and brings_arch:
        problems.append(
            "arch: the weights bring their own; to set it, use weights none or init backbone"
        )
    if values.get("freeze", 0) != 0 and none and init != "imagenet":
        problems.append("freeze: needs weights; with weights none all layers are fresh")
    if values.get("trust") is not None and none:
        problems.append("trust: must be the file that weights names, and there is none")
    return problems


def is_darknet(weights: str) -> bool:
    """Tell by its name whether this is a file in Darknet's own format."""
    return weights.endswith(".weights") or re.search(r"\.conv\.\d+$", weights) is not None


def is_device(text: str) -> bool:
    """Tell whether this is auto, cpu, mps or a comma-separated list of different GPU numbers."""
    numbers = text.split(",")
    listed = all(number.isdecimal() for number in numbers) and len(set(numbers)) == len(numbers)
    return text in ("auto", "cpu", "mps") or listed


def _describe_no_device(text: str) -> str:
    if text.lower().startswith(("cuda", "gpu")):
        return f"a GPU is given by its number, such as 0 for the first, not {text!r}"
    return describe_unknown("device", text, ["auto", "cpu", "mps", "0", "0,1"])


def to_upstream(config: TrainConfig) -> dict[str, Any]:
    """Return the settings under upstream's names, without those that yolokit resolves itself."""
    plain = {
        _UPSTREAM_NAMES.get(name, name): value
        for name, value in msgspec.structs.asdict(config).items()
        if name not in _OURS
    }
    plain |= {
        name: value
        for name, value in (("lr0", config.lr0), ("momentum", config.momentum))
        if value is not None
    }
    plain["cache"] = False if config.cache == "none" else config.cache
    plain["batch"] = -1 if config.batch == "auto" else config.batch
    # True leaves the choice to the engine, which knows the device.
    plain["amp"] = True if config.precision == "auto" else config.precision
    plain["workers"] = config.workers
    plain["device"] = config.device
    return plain
