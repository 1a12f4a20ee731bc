"""A checkpoint as a whole: every tensor except the rows of other classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.engine.network.arch import make_model
from yolokit.engine.network.classes import (
    ROWS,
    ClassMatch,
    match_classes,
    name_class_rows,
    place_rows,
    widen_class_branches,
)
from yolokit.engine.network.layer_signature import carry_epsilons, require_same_settings
from yolokit.engine.network.transfer import load_tensors, part_of, refuse_losses, report_transfer
from yolokit.engine.tasks._class_groups import GROUPS_KEY
from yolokit.engine.tasks.toolkit import load_task, load_task_model

if TYPE_CHECKING:
    from yolokit.engine_protocol.requests import StartRequest
    from yolokit.engine_protocol.training import TransferReport


def build(request: StartRequest) -> tuple[Any, TransferReport]:
    """Rebuild the checkpoint's own architecture for the new classes and transfer its weights.

    Upstream's ``load`` is not used: it copies class rows of other classes where their number is
    the same, and lets names that differ in case share one.

    Raises:
        WeightsError: A tensor outside the class rows was not transferred, the source has others
            than the model, or it was trained with other settings than its architecture says.
    """
    assert request.weights is not None
    task = load_task(request.task)
    source, _checkpoint = load_task_model(
        task, request.weights, request.digest, trust=request.trust
    )
    model = make_model(source.yaml, request.names, request.task)
    model.yaml.pop(GROUPS_KEY, None)  # from here on, all classes are trained alike
    widen_class_branches(model, source, task)
    rows = name_class_rows(model, task)
    match = _match(source, name_class_rows(source, task), request.names)
    state = source.float().state_dict()
    taken = _place(model, state, rows, match)
    load_tensors(model, taken, request.weights)
    own = model.state_dict()
    report = report_transfer(
        model,
        taken,
        kind="network",
        fates=dict.fromkeys(rows, (match.action, match.reason)),
        left=[
            (part_of(name, source), "the model has no such tensor", tensor)
            for name, tensor in state.items()
            if name not in own
        ],
    )
    refuse_losses(report, request.weights, parts=("backbone", "neck", "head"))
    carry_epsilons(model, source, len(model.model))
    require_same_settings(model, source, request.weights)
    return model, msgspec.structs.replace(report, knows_classes=None not in match.sources)


def _match(source: Any, rows: list[str], names: list[str]) -> ClassMatch:
    """Match the classes with the source's, as long as each of its rows has a name."""
    source_names = _list_names(source)
    state = source.state_dict()
    counts = {len(state[name]) for name in rows}
    if counts != {len(source_names)}:
        reason = f"{ROWS}: the source has {max(counts, default=0)} and names {len(source_names)}"
        return ClassMatch((None,) * len(names), "fresh", reason)
    return match_classes(names, source_names)


def _list_names(source: Any) -> list[str]:
    names = getattr(source, "names", None) or {}
    if isinstance(names, dict):
        names = [names[index] for index in sorted(names)]
    return [str(name) for name in names]


def _place(
    model: Any, state: dict[str, Any], class_rows: list[str], match: ClassMatch
) -> dict[str, Any]:
    """Return what each tensor of the model should be: the source's, class rows at their places."""
    own = model.state_dict()
    taken = {name: tensor for name, tensor in state.items() if name in own}
    for name in class_rows:
        rows = taken.pop(name, None)
        fits = rows is not None and rows.shape[1:] == own[name].shape[1:]
        if fits and match.action != "fresh":
            taken[name] = place_rows(own[name], rows, match)
    return taken
