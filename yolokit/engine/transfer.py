"""Building a model for new classes, and the account of what it took over from its source."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from yolokit.core.transfer import TransferGroup, TransferReport
from yolokit.errors import ConfigError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.requests import StartRequest
    from yolokit.core.transfer import Action, Part

# What detectors put behind their backbone proper; classifiers have none or another one of these.
TAIL_MODULES = frozenset({"SPP", "SPPF", "SPPELAN", "PSA", "C2PSA", "C2fPSA", "AIFI"})
_ROWS = "class rows"


def build_model(request: StartRequest) -> Any:
    """Build the detector of ``request.arch`` for the request's classes, with fresh weights."""
    from yolokit.engine.arch import read_arch

    assert request.arch is not None
    return make_model(read_arch(request.arch), request.names)


def make_model(arch: dict[str, Any], names: list[str]) -> Any:
    """Build a detector for these classes, with fresh weights.

    Args:
        arch: Mapping of an architecture YAML.
        names: Class names, by index.

    Raises:
        ConfigError: Upstream cannot build it.
    """
    from yolokit.engine import upstream

    upstream.require_detector(arch)
    from ultralytics.nn.tasks import DetectionModel

    try:
        # A copy: upstream writes the number of classes into the mapping that it is given.
        model = DetectionModel(copy.deepcopy(arch), nc=len(names), verbose=False)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        name = arch.get("yaml_file", "the architecture")
        raise ConfigError(f"{name} cannot be built: {type(error).__name__}: {error}") from error
    model.names = dict(enumerate(names))
    return model


def count_backbone(model: Any) -> int:
    """Return how many of a model's layers are its backbone."""
    return len(model.yaml["backbone"])


def report_transfer(
    model: Any,
    taken: Mapping[str, Any],
    *,
    kind: str,
    absent: str = "the source has no such tensor",
    absent_in: Mapping[str, str] | None = None,
    source_names: Mapping[int, str] | None = None,
) -> TransferReport:
    """Account for every tensor of a model by comparing it with what should have been taken over.

    Args:
        model: The model after the transfer.
        taken: Name in the model to the source's tensor.
        kind: Kind of start.
        absent: Why a tensor without a source is fresh.
        absent_in: The same, for one part.
        source_names: The source's class names, where class rows are found by name.
    """
    counts: dict[tuple[Part, Action, str], list[int]] = {}
    for name, tensor in model.state_dict().items():
        part = _part_of(name, model)
        if name not in taken:
            fate: tuple[Action, str] = ("fresh", (absent_in or {}).get(part, absent))
        else:
            fate = _compare(tensor, taken[name], model.names, source_names)
        count = counts.setdefault((part, *fate), [0, 0])
        count[0] += 1
        count[1] += tensor.numel()
    groups = [
        TransferGroup(part=part, action=action, reason=reason, tensors=tensors, values=values)
        for (part, action, reason), (tensors, values) in counts.items()
    ]
    return TransferReport(kind=kind, groups=groups)


def refuse_losses(report: TransferReport, source: str, *, parts: tuple[Part, ...]) -> None:
    """Refuse a start that took over fewer tensors than it should have.

    Raises:
        WeightsError: A tensor of these parts is fresh, and not because its classes are new.
    """
    lost = [
        group
        for group in report.groups
        if group.part in parts and group.action == "fresh" and not group.reason.startswith(_ROWS)
    ]
    if not lost:
        return
    listed = "; ".join(f"{group.tensors} of the {group.part}: {group.reason}" for group in lost)
    raise WeightsError(
        f"{source} fits only in part: {report.transferred} of {report.tensors} tensors could be "
        f"taken over ({listed})",
        hint="--init backbone takes the backbone alone",
    )


def _compare(
    tensor: Any, source: Any, names: Mapping[int, str], source_names: Mapping[int, str] | None
) -> tuple[Action, str]:
    """Tell the fate of one tensor that has a counterpart in the source."""
    import torch

    if tensor.shape == source.shape and torch.equal(tensor, source.to(tensor.dtype)):
        return "taken", ""
    rows = tensor.ndim > 0 and len(tensor) == len(names) and tensor.shape[1:] == source.shape[1:]
    if rows and source_names is not None and len(source) == len(source_names):
        shared = _shared_names(names, source_names)
        if shared:
            return "reshaped", f"{_ROWS} of {', '.join(shared)} by name, the others fresh"
        return "fresh", f"{_ROWS}: the source knows no class of these names"
    return "fresh", f"shape {list(source.shape)} in the source, {list(tensor.shape)} here"


def _shared_names(names: Mapping[int, str], source_names: Mapping[int, str]) -> list[str]:
    known = {str(name).strip().lower() for name in source_names.values()}
    return [name for name in names.values() if name.strip().lower() in known]


def _part_of(name: str, model: Any) -> Part:
    index = int(name.split(".", 2)[1])
    if index < count_backbone(model):
        return "backbone"
    return "head" if index == len(model.model) - 1 else "neck"
