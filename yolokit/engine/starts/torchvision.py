"""A classifier of torchvision as the backbone, under the neck and head of a YOLO."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from yolokit.engine import upstream
from yolokit.engine.arch import read_arch
from yolokit.engine.transfer import TAIL_MODULES, make_model, report_transfer
from yolokit.errors import ConfigError, WeightsError

if TYPE_CHECKING:
    from yolokit.core.requests import StartRequest
    from yolokit.core.transfer import TransferReport

_LAYERS = 4  # the backbone as one layer, and one that picks each of its three maps


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Graft the backbone and load its weights, where there are any.

    Raises:
        ConfigError: The backbone has no maps at strides 8, 16 and 32, or the architecture does
            not take three.
        WeightsError: The weights are not those of this backbone.
    """
    from yolokit.engine.stages import make_classifier, split_stages

    assert request.arch is not None
    assert request.backbone is not None
    classifier = make_classifier(request.backbone)
    stages = split_stages(classifier, request.backbone)
    taken = {}
    if request.weights is not None:
        _load_classifier(classifier, request)
        taken = {f"model.0.m.{name}": value.clone() for name, value in stages.state_dict().items()}
    model = make_model(graft(read_arch(request.arch), request.backbone, stages), request.names)
    model.load_state_dict(taken, strict=False)
    absent = "torchvision's file holds a backbone alone" if taken else "no weights were asked for"
    return model, report_transfer(model, taken, kind="torchvision", absent=absent)


def graft(arch: dict[str, Any], name: str, stages: Any) -> dict[str, Any]:
    """Return an architecture whose backbone is replaced; its tail (SPPF, C2PSA) stays.

    Args:
        arch: Mapping of an architecture YAML, with three levels.
        name: torchvision's name of the new backbone.
        stages: The backbone, cut at strides 8, 16 and 32.

    Raises:
        ConfigError: The architecture's head does not take three maps of its backbone.
    """
    from yolokit.engine.stages import STAGES, count_channels

    backbone = arch["backbone"]
    tail = len(backbone)
    while tail and backbone[tail - 1][2] in TAIL_MODULES:
        tail -= 1
    taps = sorted({f for layer in arch["head"] for f in _sources(layer) if 0 <= f < tail - 1})
    if len(taps) != 2:
        raise ConfigError(
            f"{arch['yaml_file']} takes {len(taps) + 1} maps from its backbone; a grafted one "
            "gives three",
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
    grafted["yaml_file"] = f"{name}-{arch['yaml_file']}"
    return grafted


def _sources(layer: list[Any]) -> list[int]:
    return layer[0] if isinstance(layer[0], list) else [layer[0]]


def _load_classifier(classifier: Any, request: StartRequest) -> None:
    """Load a state dict as torchvision publishes it, with weights only."""
    state = upstream.load_state(str(request.weights), trust=request.trust)
    try:
        # Some files are older than batch norm's counter and lack it.
        outcome = classifier.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(_misfit(request, str(error).split("\n\t")[1:2])) from error
    lacking = [key for key in outcome.missing_keys if not key.endswith("num_batches_tracked")]
    if lacking:
        raise WeightsError(_misfit(request, [f"{len(lacking)} tensors are not in it"]))


def _misfit(request: StartRequest, details: list[str]) -> str:
    detail = f": {details[0].strip()}" if details else ""
    return f"{request.weights} holds no weights of torchvision's {request.backbone}{detail}"
