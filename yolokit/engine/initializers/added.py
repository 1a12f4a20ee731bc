"""A detector as it is, with branches beside its own for classes that it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.engine.network.arch import make_model
from yolokit.engine.network.classes import name_class_rows, widen_class_branches
from yolokit.engine.network.layer_signature import carry_epsilons, require_same_settings
from yolokit.engine.network.transfer import load_tensors, report_transfer
from yolokit.engine.tasks._class_groups import combine_names, extend_head
from yolokit.engine.tasks.toolkit import load_task, load_task_model
from yolokit.errors import WeightsError

if TYPE_CHECKING:
    from yolokit.engine.tasks.toolkit import EngineTask
    from yolokit.engine_protocol.requests import StartRequest
    from yolokit.engine_protocol.training import Action, TransferReport

_COPIES = "a copy of the old branches, to be trained for the new classes"
_FRESH = "class rows of the new classes"


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Extend a detector by the classes of ``request.names`` that it does not know.

    Raises:
        WeightsError: Its weights cannot be stored in FP16 as they are, or it cannot be built anew.
        ConfigError: No class is new, or a name clashes with an old one.
    """
    assert request.weights is not None
    task = load_task(request.task)
    source, _checkpoint = load_task_model(
        task, request.weights, request.digest, trust=request.trust
    )
    _require_half(source, request.weights)
    names = [str(source.names[index]) for index in sorted(source.names)]
    classes = combine_names(names, request.names)
    extended = extend_head(source, len(classes.new))
    model = make_model(extended.yaml, classes.names, request.task)
    widen_class_branches(model, extended, task)
    state = extended.state_dict()
    load_tensors(model, state, request.weights)
    carry_epsilons(model, source, len(model.model))
    require_same_settings(model, extended, request.weights)
    report = report_transfer(model, state, kind="added", fates=_tell_fates(model, source, task))
    lost = [one for one in report.groups if one.reason not in ("", _COPIES, _FRESH)]
    if lost:
        raise WeightsError(
            f"{request.weights} cannot be built anew as it is: {lost[0].reason}",
            hint="train it further without --add-classes first",
        )
    return model, msgspec.structs.replace(report, added=classes)


def _tell_fates(model: Any, source: Any, task: EngineTask) -> dict[str, tuple[Action, str]]:
    """Return what becomes of the tensors that the source has not."""
    own = source.state_dict()
    fates: dict[str, tuple[Action, str]] = {
        name: ("reshaped", _COPIES) for name in model.state_dict() if name not in own
    }
    rows: tuple[Action, str] = ("fresh", _FRESH)
    return fates | {name: rows for name in name_class_rows(model, task) if name not in own}


def _require_half(source: Any, path: str) -> None:
    """Refuse weights that would be rounded when checkpoints are written, which are in FP16."""
    import torch

    for name, tensor in source.state_dict().items():
        if tensor.is_floating_point() and not torch.equal(tensor.half().float(), tensor.float()):
            raise WeightsError(
                f"{path} holds {name} in more than FP16, in which a run stores its weights: the "
                "old classes' scores would change",
                hint="train it with yolokit first, or use the best.pt of a run",
            )
