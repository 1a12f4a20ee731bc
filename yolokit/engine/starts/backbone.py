"""The backbone of any checkpoint, a classifier's included; neck and head stay fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.engine import upstream
from yolokit.engine.transfer import (
    TAIL_MODULES,
    build_model,
    count_backbone,
    make_model,
    report_transfer,
)
from yolokit.errors import WeightsError

if TYPE_CHECKING:
    from yolokit.core.requests import StartRequest
    from yolokit.core.transfer import TransferReport


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Take layers over from the input on, as far as both networks are built alike.

    Behind the first layer that differs a layer would see other features than it was trained on,
    so it is left fresh even where its shape fits.

    Raises:
        WeightsError: The networks part before the end of the backbone proper.
    """
    assert request.weights is not None
    source, _checkpoint = upstream.load_any_model(
        request.weights, request.digest, trust=request.trust
    )
    model = build_model(request) if request.arch else make_model(source.yaml, request.names)
    limit = count_backbone(model)
    alike = _count_alike(model, source, limit)
    _refuse_short(model, source, alike, limit, request.weights)
    prefixes = tuple(f"model.{index}." for index in range(alike))
    taken = {
        name: tensor
        for name, tensor in source.float().state_dict().items()
        if name.startswith(prefixes)
    }
    model.load_state_dict(taken, strict=False)
    reason = "only the backbone was asked for"
    reasons = {"backbone": "behind a layer that the source does not have"}
    report = report_transfer(model, taken, kind="backbone", absent=reason, absent_in=reasons)
    return model, report


def _count_alike(model: Any, source: Any, limit: int) -> int:
    """Return how many layers from the input on have the same class and the same tensors."""
    for index, (ours, theirs) in enumerate(zip(model.model, source.model, strict=False)):
        if index == limit or _signature(ours) != _signature(theirs):
            return index
    return min(len(model.model), len(source.model))


def _signature(layer: Any) -> tuple[object, ...]:
    shapes = tuple((name, tuple(tensor.shape)) for name, tensor in layer.state_dict().items())
    return type(layer).__name__, layer.f, shapes


def _refuse_short(model: Any, source: Any, alike: int, limit: int, path: str) -> None:
    """A tail such as SPPF may be missing in a classifier; anything before it must be there."""
    proper = limit
    while proper and type(model.model[proper - 1]).__name__ in TAIL_MODULES:
        proper -= 1
    if alike >= proper:
        return
    theirs = type(source.model[alike]).__name__ if alike < len(source.model) else "nothing"
    raise WeightsError(
        f"the backbone of {path} does not fit: only the first {alike} of {proper} layers are "
        f"alike (layer {alike} is {type(model.model[alike]).__name__} here, {theirs} there, or of "
        "another size)",
        hint="weights of the same family and scale fit; --arch names the detector to build",
    )
