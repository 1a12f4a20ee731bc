"""What the options of ``yolokit train`` must be together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from yolokit.core.suggest import describe_unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

TORCHVISION = "torchvision:"


def check_between_fields(values: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each mistake between options."""
    from yolokit.core.findings import find_unknown_codes
    from yolokit.datasets.checks import allowable_codes
    from yolokit.train.config.logs import find_log_problems

    problems = []
    if values.get("momentum") is not None and values.get("optimizer") == "auto":
        problems.append(
            "momentum: has no effect with optimizer auto, which chooses one of its own; "
            "set optimizer as well, e.g. SGD"
        )
    imgsz = values.get("imgsz")
    if isinstance(imgsz, int) and imgsz % 32:
        near = max(32, round(imgsz / 32) * 32)
        problems.append(f"imgsz: must be a multiple of 32, not {imgsz} (nearest is {near})")
    problems += _check_fitness(values)
    problems += _check_start(values)
    problems += find_log_problems(values)
    problems += find_unknown_codes(values.get("allow", ()), allowable_codes())
    device = values.get("device", "auto")
    if not is_device(device):
        problems.append(f"device: {_describe_no_device(device)}")
    problems += _check_machines(values)
    problems += _check_folds(values)
    batch, workers = values.get("batch"), (device.count(",") + 1) * values.get("nnodes", 1)
    if isinstance(batch, int) and batch % workers:
        problems.append(
            f"batch: must be a multiple of the number of devices ({workers}), not {batch}"
        )
    return problems


def _check_fitness(values: Mapping[str, Any]) -> list[str]:
    from yolokit.metrics.fitness import parse_fitness

    try:
        parse_fitness(values["fitness"])
    except ValueError as error:
        return [f"fitness: {error}"]
    return []


def _check_machines(values: Mapping[str, Any]) -> list[str]:
    machines, rdzv = values.get("nnodes", 1), values.get("rdzv")
    if machines > 1 and rdzv is None:
        return [f"nnodes: {machines} machines need rdzv, where they meet"]
    if machines == 1 and rdzv is not None:
        return ["rdzv: is for several machines; set nnodes as well"]
    if rdzv is not None and not is_address(rdzv):
        return [f"rdzv: must be HOST:PORT, such as 10.0.0.5:29500, not {rdzv!r}"]
    return []


def _check_folds(values: Mapping[str, Any]) -> list[str]:
    from yolokit.convert.steps.group_images import GroupPlan

    folds, group, problems = values.get("folds"), values.get("fold_group"), []
    if folds is None:
        return ["fold_group: has no effect without folds"] if group is not None else []
    if values.get("nnodes", 1) > 1:
        problems.append("nnodes: folds are trained on one machine, one after another")
    try:
        if group is not None:
            GroupPlan.parse(group)
    except ValueError as error:
        problems.append(f"fold_group: {error}")
    return problems


def is_address(text: str) -> bool:
    """Tell whether this is HOST:PORT; an IPv6 address stands in brackets."""
    host, _, port = text.rpartition(":")
    known = port.isascii() and port.isdecimal() and 0 < int(port) < 65536
    return known and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]", host) is not None


def find_idle(values: Mapping[str, Any]) -> dict[str, str]:
    """Return each option that is set and has no effect beside the others, with the reason."""
    idle = {}
    if values.get("close_mosaic") and values.get("mosaic") == 0:
        idle["close_mosaic"] = "has no effect with mosaic 0; leave one of them out"
    if values.get("patience") and values.get("validate") is False:
        idle["patience"] = "has no effect with validate false: there is nothing to judge by"
    if values.get("fitness") and values.get("validate") is False:
        idle["fitness"] = "has no effect with validate false: there is one validation, the last"
    if values.get("warmup_epochs") and values.get("schedule") == "one-cycle":
        idle["warmup_epochs"] = "has no effect with schedule one-cycle, whose first third is one"
    if values.get("box") == 0:
        idle["box_loss"] = "has no effect with box 0, the weight of this loss"
    return idle


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
    if values.get("add_classes"):
        problems += _check_adding(values)
    if values.get("trust") is not None and none:
        problems.append("trust: must be the file that weights names, and there is none")
    return problems


def _check_adding(values: Mapping[str, Any]) -> list[str]:
    problems = []
    weights = values.get("weights", "none")
    if weights == "none" or is_darknet(weights):
        problems.append("add_classes: needs weights of a detector, which stays as it is")
    problems += [
        f"{name}: cannot be combined with add_classes, which takes the detector as it is"
        for name in ("init", "backbone", "freeze")
        if values.get(name)
    ]
    if not values.get("validate", True):
        problems.append("validate: add_classes compares old and new detector on val: leave it true")
    if values.get("nnodes", 1) > 1:
        problems.append("nnodes: add_classes trains on one machine")
    return problems


def is_darknet(weights: str) -> bool:
    """Tell by its name whether this is a file in Darknet's own format."""
    return weights.endswith(".weights") or re.search(r"\.conv\.\d+$", weights) is not None


def is_device(text: str) -> bool:
    """Tell whether this is auto, mps, or a list of different GPU numbers, or of ``cpu`` alone."""
    listed = text.split(",")
    gpus = all(number.isdecimal() for number in listed) and len(set(listed)) == len(listed)
    return text in ("auto", "mps") or gpus or set(listed) == {"cpu"}


def _describe_no_device(text: str) -> str:
    if text.lower().startswith(("cuda", "gpu")):
        return f"a GPU is given by its number, such as 0 for the first, not {text!r}"
    return describe_unknown("device", text, ["auto", "cpu", "mps", "0", "0,1"])
