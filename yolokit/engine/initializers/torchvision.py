"""A classifier of torchvision as the backbone, under the neck and head of a YOLO."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.engine import ultralytics_patches
from yolokit.engine.network.arch import make_model, read_arch
from yolokit.engine.network.transfer import load_tensors, report_transfer
from yolokit.errors import ConfigError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.engine_protocol.requests import StartRequest
    from yolokit.engine_protocol.training import Part, TransferReport

_COUNTER = "num_batches_tracked"
# What a YOLO puts after its backbone proper; it stays, whatever backbone is under it.
_TAIL_MODULES = frozenset({"SPP", "SPPF", "SPPELAN", "PSA", "C2PSA", "C2fPSA", "AIFI"})
_FAMILY = re.compile(r"[a-z]+")
# Published when module names could still hold a dot. Source: torchvision/models/densenet.py.
_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(?=[12]\.)")
_LAYERS = 4  # the backbone as one layer, and one that picks each of its three maps


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Graft the backbone and load its weights, where there are any.

    Raises:
        ConfigError: The backbone has no maps at strides 8, 16 and 32, or the architecture does
            not take three.
        WeightsError: The weights are not those of this backbone.
    """
    from yolokit.engine.network.torchvision_backbone import make_classifier, split_stages

    assert request.arch is not None
    assert request.backbone is not None
    classifier = make_classifier(request.backbone)
    stages = split_stages(classifier, request.backbone)
    arch = graft(read_arch(request.arch), request.backbone, stages)
    model = make_model(arch, request.names, request.task)
    if request.weights is None:
        return model, report_transfer(
            model, {}, kind="torchvision", absent="no weights were asked for"
        )
    taken, left = _read_backbone(classifier, stages, request)
    load_tensors(model, taken, request.weights)
    absent = "torchvision's file holds a backbone alone"
    return model, report_transfer(model, taken, kind="torchvision", absent=absent, left=left)


def graft(arch: dict[str, Any], name: str, stages: Any) -> dict[str, Any]:
    """Return an architecture whose backbone is replaced; its tail (SPPF, C2PSA) stays.

    Args:
        arch: Mapping of an architecture YAML, with three levels.
        name: torchvision's name of the new backbone.
        stages: The backbone, cut at strides 8, 16 and 32.

    Raises:
        ConfigError: The architecture's head does not take three maps of its backbone.
    """
    from yolokit.engine.network.torchvision_backbone import STAGES, count_channels

    backbone = arch["backbone"]
    tail = len(backbone)
    while tail and backbone[tail - 1][2] in _TAIL_MODULES:
        tail -= 1
    taps = sorted({f for layer in arch["head"] for f in _sources(layer) if 0 <= f < tail - 1})
    if len(taps) != 2:
        raise ConfigError(
            f"{arch['yaml_file']} takes {counted(len(taps) + 1, 'map')} from its backbone; a "
            "grafted one gives three",
            hint="--arch yolo26n, yolo11n or yolov8n take three",
        )
    # Index 0 of what the layer returns is its input.
    channels = count_channels(stages)
    picks = [[0, 1, "Index", [c, i]] for i, c in enumerate(channels, start=1)]
    grafted = copy.deepcopy(arch)
    grafted["backbone"] = [
        [-1, 1, "TorchVision", [channels[-1], name, None, STAGES, 0, True]],
        *picks,
        *grafted["backbone"][tail:],
    ]
    moved = {taps[0]: 1, taps[1]: 2, tail - 1: 3}
    shift = _LAYERS - tail
    for layer in grafted["backbone"][_LAYERS:] + grafted["head"]:
        renumbered = [f if f < 0 else moved.get(f, f + shift) for f in _sources(layer)]
        layer[0] = renumbered if isinstance(layer[0], list) else renumbered[0]
    # Notes on layers by number: those of the old backbone are gone, the others have moved.
    grafted["activations"] = {
        activation: [index + shift for index in layers if index >= tail]
        for activation, layers in arch.get("activations", {}).items()
    }
    grafted.pop("darknet", None)
    grafted["yaml_file"] = f"{name}-{arch['yaml_file']}"
    return grafted


def _sources(layer: list[Any]) -> list[int]:
    return layer[0] if isinstance(layer[0], list) else [layer[0]]


def _read_backbone(
    classifier: Any, stages: Any, request: StartRequest
) -> tuple[dict[str, Any], list[tuple[Part, str, Any]]]:
    """Read a state dict as torchvision publishes it, with weights only.

    Layers after the stages classify: whatever the file has for them is left out, so that a
    classifier for other classes serves as well.

    Returns:
        Tensors by their names in the model, and those that are left out with the reason.

    Raises:
        WeightsError: A tensor of the stages is missing or has another shape, or the file has
            tensors of a larger network.
    """
    loaded = ultralytics_patches.load_state(
        str(request.weights), request.digest, trust=request.trust
    )
    state = {_DENSENET.sub(r"\1", name): tensor for name, tensor in loaded.items()}
    stage_names = _map_names(classifier, stages)
    wanted = {name: tensor.shape for name, tensor in classifier.state_dict().items()}
    tail = _list_tail(classifier, stage_names)
    misfit = _find_misfit({name: wanted[name] for name in stage_names}, state, tail)
    if misfit is not None:
        raise WeightsError(
            f"{request.weights} holds no weights of torchvision's {request.backbone}: {misfit}",
            hint=_suggest(request, state, tail),
        )
    # Some files are older than batch norm's counter and lack it.
    fresh = classifier.state_dict()
    taken = {
        f"model.0.m.{own_name}": state.get(name, fresh[name]).clone()
        for name, own_name in stage_names.items()
    }
    reason = "after the last map of the backbone"
    return taken, [("head", reason, state[name]) for name in state.keys() - stage_names.keys()]


def _map_names(classifier: Any, stages: Any) -> dict[str, str]:
    """Map the names of a classifier's tensors to those that they have in its stages."""
    own_names = {id(tensor): name for name, tensor in stages.state_dict(keep_vars=True).items()}
    return {
        name: own_names[id(tensor)]
        for name, tensor in classifier.state_dict(keep_vars=True).items()
        if id(tensor) in own_names
    }


def _list_tail(classifier: Any, stage_names: Mapping[str, str]) -> tuple[str, ...]:
    """Return how names of tensors begin that serve classification alone, such as ``fc.``."""
    children = (f"{name}." for name, _ in classifier.named_children())
    apart = [
        prefix for prefix in children if not any(name.startswith(prefix) for name in stage_names)
    ]
    return (*apart, *(name for name in classifier.state_dict() if name not in stage_names))


def _find_misfit(
    wanted: Mapping[str, Any], state: Mapping[str, Any], tail: tuple[str, ...]
) -> str | None:
    """Say why a state dict is not that of a backbone whose tensors have these shapes."""
    lacking = [name for name in wanted.keys() - state.keys() if not name.endswith(_COUNTER)]
    if lacking:
        are = counted(len(lacking), "tensor is", "tensors are")
        return f"{are} not in it, such as {min(lacking)}"
    for name, shape in wanted.items():
        if name in state and state[name].shape != shape:
            return f"{name} is {list(state[name].shape)} in it, {list(shape)} in the backbone"
    extra = sorted(name for name in state.keys() - wanted.keys() if not name.startswith(tail))
    if extra:
        tensors = counted(len(extra), "tensor")
        return f"it has {tensors} more than the backbone, such as {', '.join(extra[:3])}"
    return None


def _suggest(request: StartRequest, state: Mapping[str, Any], tail: tuple[str, ...]) -> str | None:
    """Name the sibling of a backbone that a state dict fits, found without making any tensor."""
    import torch
    import torchvision

    from yolokit.engine.network.torchvision_backbone import make_classifier

    letters = _FAMILY.match(request.backbone or "")
    for name in torchvision.models.list_models(
        module=torchvision.models, include=f"*{letters[0] if letters else ''}*"
    ):
        with torch.device("meta"):
            sibling = make_classifier(name).state_dict()
        wanted = {key: tensor.shape for key, tensor in sibling.items() if not key.startswith(tail)}
        if _find_misfit(wanted, state, tail) is None:
            return f"it fits --backbone torchvision:{name}"
    return None
