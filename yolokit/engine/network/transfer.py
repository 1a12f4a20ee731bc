"""Putting a source's tensors into a model, and the account of what it got."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.plural import counted, share
from yolokit.engine.network.arch import count_backbone
from yolokit.engine.network.classes import ROWS
from yolokit.engine_protocol.training import TransferGroup, TransferReport
from yolokit.errors import ConfigError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yolokit.engine_protocol.training import Action, Part


def load_tensors(model: Any, taken: Mapping[str, Any], path: str) -> None:
    """Put a source's tensors into a model, as far as it has them in this shape.

    ``report_transfer`` reports what does not fit.

    Args:
        model: The model, changed in place.
        taken: Name in the model to the source's tensor.
        path: File of the source.

    Raises:
        WeightsError: A tensor holds NaN or infinity.
    """
    import torch

    for name, tensor in taken.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            count = int((~torch.isfinite(tensor)).sum())
            values = f"the {counted(tensor.numel(), 'value')} of {name}"
            raise WeightsError(
                f"{path}: {share(count, values, 'is', 'are')} NaN or infinite",
                hint="the training that wrote it has diverged, or the file is damaged",
            )
    own = model.state_dict()
    fitting = {name: x for name, x in taken.items() if name in own and own[name].shape == x.shape}
    model.load_state_dict(fitting, strict=False)


def report_transfer(
    model: Any,
    taken: Mapping[str, Any],
    *,
    kind: str,
    absent: str = "the source has no such tensor",
    absent_in: Mapping[Part, str] | None = None,
    fates: Mapping[str, tuple[Action, str]] | None = None,
    left: Iterable[tuple[Part, str, Any]] = (),
) -> TransferReport:
    """Account for every tensor of a model by comparing it with what should have been transferred.

    Args:
        model: The model after the transfer.
        taken: Name in the model to the source's tensor.
        kind: Kind of start.
        absent: Why a tensor without a source is fresh.
        absent_in: The same, for one part.
        fates: Action and reason for single tensors, where they are as they should be.
        left: The source's other tensors: their part of it, why they are left there, and each.
    """
    account: list[tuple[Part, Action, str, Any]] = []
    fresh: set[int] = set()
    whole: set[int] = set()
    for name, tensor in model.state_dict().items():
        part = part_of(name, model)
        fate: tuple[Action, str] = ("fresh", (absent_in or {}).get(part, absent))
        if name in taken:
            fate = _compare(tensor, taken[name])
        special = (fates or {}).get(name, fate)
        if fate[0] == "taken" or special[0] == "fresh":
            fate = special
        account.append((part, *fate, tensor))
        (fresh if fate[0] == "fresh" else whole).add(layer_of(name))
    return TransferReport(
        kind=kind,
        groups=_group(account),
        left=_group((part, "left", reason, tensor) for part, reason, tensor in left),
        whole_layers=sorted(whole - fresh),
    )


def refuse_losses(report: TransferReport, source: str, *, parts: tuple[Part, ...]) -> None:
    """Refuse a start to which fewer tensors were transferred than should have been.

    Raises:
        WeightsError: A tensor of these parts is fresh, and not because its classes are new; or
            the source has one outside its head that the model has not.
    """
    lost = [
        group
        for group in report.groups
        if group.part in parts and group.action == "fresh" and not group.reason.startswith(ROWS)
    ]
    surplus = [group for group in report.left if group.part in parts and group.part != "head"]
    if not lost and not surplus:
        return
    listed = "; ".join(
        f"{group.tensors} of the {group.part}: {group.reason}" for group in [*lost, *surplus]
    )
    raise WeightsError(
        f"{source} fits only in part: {report.transferred} of "
        f"{counted(report.tensors, 'tensor')} could be transferred ({listed})",
        hint="--init backbone takes the backbone alone",
    )


def list_frozen(freeze: int | str | list[int], model: Any) -> list[int]:
    """Return the layers that a request's ``freeze`` names.

    Raises:
        ConfigError: The head is among them, or there are not so many layers.
    """
    if isinstance(freeze, list):
        return freeze
    trainable = len(model.model) - 1
    if isinstance(freeze, str):
        return list(range(count_backbone(model) if freeze == "backbone" else trainable))
    if freeze > trainable:
        raise ConfigError(f"freeze {freeze}: it has {counted(trainable, 'layer')} without the head")
    return list(range(freeze))


def split_frozen(report: TransferReport, asked: list[int], model: Any) -> TransferReport:
    """Add to a report which layers are frozen: those that were transferred as a whole.

    Fresh weights that are never trained would make noise of all that passes through them.

    Args:
        report: Account of the model's tensors.
        asked: Layers that were to be frozen.
        model: The model.

    Raises:
        ConfigError: None of them was transferred.
    """
    if not asked:
        return report
    weighty = [index for index in asked if any(True for _ in model.model[index].parameters())]
    frozen = [index for index in weighty if index in report.whole_layers]
    if not frozen:
        raise ConfigError(
            f"freeze: nothing was transferred into the first {counted(len(asked), 'layer')}, and "
            "fresh weights are of no use if they stay as they are"
        )
    unfrozen = [index for index in weighty if index not in frozen]
    return msgspec.structs.replace(report, frozen=frozen, unfrozen=unfrozen)


def part_of(name: str, model: Any) -> Part:
    """Return the part of a model that a tensor of its state belongs to."""
    index = layer_of(name)
    if index < count_backbone(model):
        return "backbone"
    return "head" if index == len(model.model) - 1 else "neck"


def layer_of(name: str) -> int:
    """Return the index of the layer that a tensor of a model's state belongs to."""
    return int(name.split(".", 2)[1])


def _compare(tensor: Any, source: Any) -> tuple[Action, str]:
    """Return what happened to one tensor that has a counterpart in the source."""
    import torch

    if tensor.shape != source.shape:
        return "fresh", f"shape {list(source.shape)} in the source, {list(tensor.shape)} here"
    if torch.equal(tensor, source.to(tensor.dtype)):
        return "taken", ""
    return "fresh", "its values are not the source's"


def _group(account: Iterable[tuple[Part, Action, str, Any]]) -> list[TransferGroup]:
    """Count tensors and their values by part, action and reason."""
    values: dict[tuple[Part, Action, str], list[int]] = {}
    for part, action, reason, tensor in account:
        values.setdefault((part, action, reason), []).append(tensor.numel())
    return [
        TransferGroup(part=part, action=action, reason=reason, tensors=len(each), values=sum(each))
        for (part, action, reason), each in values.items()
    ]
