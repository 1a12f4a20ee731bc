"""A checkpoint as a whole: every tensor but the rows of other classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.engine import upstream
from yolokit.engine.transfer import make_model, refuse_losses, report_transfer

if TYPE_CHECKING:
    from yolokit.core.requests import StartRequest
    from yolokit.core.transfer import TransferReport


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Rebuild the checkpoint's own architecture for the new classes and take its weights over.

    Upstream's ``load`` keeps the hidden width of the class branch and finds class rows by name.

    Raises:
        WeightsError: A tensor outside the class rows was not taken over.
    """
    assert request.weights is not None
    source, _checkpoint = upstream.load_model(request.weights, request.digest, trust=request.trust)
    model = make_model(source.yaml, request.names)
    taken = {name: tensor.clone() for name, tensor in source.float().state_dict().items()}
    model.load(source, verbose=False)
    report = report_transfer(model, taken, kind="network", source_names=source.names)
    refuse_losses(report, request.weights, parts=("backbone", "neck", "head"))
    return model, report
