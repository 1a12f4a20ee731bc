"""The backbone of any checkpoint, a classifier's included; neck and head stay fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.engine import ultralytics_patches
from yolokit.engine.network.arch import count_backbone, make_model, read_arch
from yolokit.engine.network.layer_signature import (
    carry_epsilons,
    count_layers_to,
    describe_layer,
    find_difference,
    rebuild_layers,
)
from yolokit.engine.network.transfer import layer_of, load_tensors, part_of, report_transfer
from yolokit.errors import WeightsError

if TYPE_CHECKING:
    from yolokit.engine_protocol.requests import StartRequest
    from yolokit.engine_protocol.training import TransferReport

_LEAST_STRIDE_PX = 16  # a backbone that matches only up to here is worth little
_ASKED = "only the backbone was asked for"


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Transfer layers from the input on, as far as both networks compute the same.

    How far that is follows from the two architectures, the file's own or the one that it must
    have, so that a file with less is refused. After the first layer that differs, a layer would
    see other features than it was trained on, so it is left fresh even where it is alike.

    Raises:
        WeightsError: The networks differ before the end of the stage at stride 16, or a layer of
            the file is not what its architecture says.
    """
    assert request.weights is not None
    source, _checkpoint = ultralytics_patches.load_model(
        request.weights, request.digest, trust=request.trust
    )
    arch = getattr(source, "yaml", None)
    if not isinstance(arch, dict):
        raise WeightsError(f"{request.weights} does not hold the architecture of its network")
    asked = read_arch(request.arch) if request.arch else arch
    model = make_model(asked, request.names, request.task)
    reference = rebuild_layers(read_arch(request.source_arch) if request.source_arch else arch)
    alike, reason = count_alike(model, reference)
    _refuse_short(model, alike, reason, request.weights)
    _require_whole(source, reference, alike, request.weights)
    state = source.float().state_dict()
    taken = {name: tensor for name, tensor in state.items() if layer_of(name) < alike}
    load_tensors(model, taken, request.weights)
    carry_epsilons(model, source, alike)
    report = report_transfer(
        model,
        taken,
        kind="backbone",
        absent=_ASKED,
        absent_in={"backbone": reason},
        left=[
            (part, reason if part == "backbone" else _ASKED, tensor)
            for name, tensor in state.items()
            if name not in taken
            for part in [part_of(name, source)]
        ],
    )
    return model, report


def count_alike(model: Any, reference: Any) -> tuple[int, str]:
    """Return how many layers of a backbone compute the same as a network's, and why not more.

    Args:
        model: The model.
        reference: Layers of the other network.
    """
    limit = count_backbone(model)
    for index, ours in enumerate(model.model[:limit]):
        if index == len(reference):
            return index, f"layer {index} ({type(ours).__name__}) has no counterpart in the source"
        difference = find_difference(describe_layer(ours), describe_layer(reference[index]))
        if difference is not None:
            text = f"layer {index} ({type(ours).__name__}) {difference}"
            behind = "; those after it would see other features" if index + 1 < limit else ""
            return index, text + behind
    return limit, ""


def _refuse_short(model: Any, alike: int, reason: str, path: str) -> None:
    least = max(1, count_layers_to(model, _LEAST_STRIDE_PX, count_backbone(model)))
    if alike < least:
        are = counted(alike, "layer is", "layers are")
        raise WeightsError(
            f"the backbone of {path} does not fit: only {are} alike from the start, and the "
            f"stages up to stride {_LEAST_STRIDE_PX} have {least} ({reason})",
            hint="weights of the same family and scale fit; --arch names the detector to build",
        )


def _require_whole(source: Any, reference: Any, alike: int, path: str) -> None:
    """Refuse a file whose layers are not those of its architecture, where they are to be taken."""
    for index in range(alike):
        theirs = describe_layer(source.model[index]) if index < len(source.model) else {}
        difference = find_difference(describe_layer(reference[index]), theirs, old=True)
        if difference is not None:
            raise WeightsError(
                f"{path} gives less than its architecture says: layer {index} "
                f"({type(reference[index]).__name__}) {difference}"
            )
