"""A detection head with several groups of classes, each with branches of its own.

The head of a detector sees one map for each stride. Here it sees the same maps once for each group:
those of the old classes first, then again for the classes that were added. So the new branches are
further levels of upstream's own head; all boxes come out beside each other, (B, 4 + C, 2A), and
nothing that reads a checkpoint or an exported file needs to know of it. The old classes have no row
at new levels, nor new classes at old ones: a weight of zero and a bias of -30, a score of 1e-13.

Most of what this costs are the convolutions of new boxes. An exported file computes those that are
equal once, so freezing some would make it cheaper, but boxes are then learnt worse. Measured with
yolo11n at 320 px, BCCD's platelets added to its other two classes, 8 epochs, one seed: all trained
(by an earlier version) +26.9 % FLOPs and mAP50-95 0.156; the first one of each branch frozen
+13.9 % and 0.094; both +4.1 % and 0.039.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yolokit.engine_protocol.added import AddedClasses
from yolokit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS_KEY = "class_groups"  # in a model's architecture: how many classes each group has
NEVER = -30.0  # a logit
_BOX_BRANCHES = ("cv2", "one2one_cv2")
_CLASS_BRANCHES = ("cv3", "one2one_cv3")


@dataclass(frozen=True, slots=True)
class LastGroup:
    """Where the classes that were added last lie in a head.

    Attributes:
        level: Its first level.
        levels: How many levels it has.
        class_id: Its first class.
        classes: How many classes it has.
    """

    level: int
    levels: int
    class_id: int
    classes: int


def find_last_group(model: Any) -> LastGroup:
    """Return where the last group of a model with several lies."""
    sizes: list[int] = model.yaml[GROUPS_KEY]
    total = len(model.yaml["head"][-1][0])
    levels = total // len(sizes)
    return LastGroup(total - levels, levels, sum(sizes[:-1]), sizes[-1])


def combine_names(old: list[str], data_names: list[str]) -> AddedClasses:
    """Give each class of a data set its number in a detector that knows some of them, or none.

    Old classes keep their numbers; new ones follow in the order of the data set.

    Raises:
        ConfigError: No class is new, or one differs from an old one in case or blanks alone.
    """
    folded = {name.strip().casefold(): name for name in old}
    new = [name for name in data_names if name not in old]
    clashes = [(name, twin) for name in new if (twin := folded.get(name.strip().casefold()))]
    if clashes:
        name, twin = clashes[0]
        raise ConfigError(
            f"the data set has a class {name!r}, and the weights have {twin!r}: are they the same?",
            hint="give them the same name in data.yaml if they are, or quite different ones",
        )
    if not new:
        raise ConfigError(
            f"--add-classes: the weights know every class of the data set: {', '.join(data_names)}",
            hint="leave --add-classes out to train these classes further",
        )
    ids = {name: index for index, name in enumerate([*old, *new])}
    return AddedClasses(old=old, new=new, class_ids=[ids[name] for name in data_names])


def extend_head(source: Any, new_count: int) -> Any:
    """Return a copy of a detector with one more group, for as many classes.

    The group begins with the boxes and hidden layers of the first group, and fresh class rows.

    Args:
        source: Upstream's model, unfused; it is not changed.
        new_count: How many classes are added.
    """
    import torch

    model = copy.deepcopy(source).float()
    head, row = model.model[-1], model.yaml["head"][-1]
    sizes = [*model.yaml.get(GROUPS_KEY, [head.nc]), new_count]
    levels = head.nl // (len(sizes) - 1)
    old_count, head.nc = head.nc, head.nc + new_count
    for name, branches in _iter_branches(head, _BOX_BRANCHES):
        branches.extend(copy.deepcopy(getattr(head, name)[:levels]))
    for name, branches in _iter_branches(head, _CLASS_BRANCHES):
        added = copy.deepcopy(getattr(head, name)[:levels])
        for branch in branches:
            branch[-1] = _widen(branch[-1], new_count)
        for branch, stride in zip(added, head.stride.tolist(), strict=False):
            branch[-1] = _make_rows(branch[-1], old_count, new_count, stride)
        branches.extend(added)
    head.nl += levels
    head.no = head.nc + 4 * head.reg_max
    head.stride = torch.cat([head.stride, head.stride[:levels]])
    model.stride, head.shape = head.stride, None
    head.f = row[0] = [*row[0], *row[0][:levels]]
    model.nc = model.yaml["nc"] = head.nc
    model.yaml[GROUPS_KEY] = sizes
    return model


def list_frozen_parts(model: Any) -> list[int | str]:
    """Return all that stays as it is, as upstream's ``freeze`` takes it: layers and branches."""
    last, group = len(model.model) - 1, find_last_group(model)
    branches = [
        f"{last}.{name}.{level}"
        for name, _ in _iter_branches(model.model[-1], (*_BOX_BRANCHES, *_CLASS_BRANCHES))
        for level in range(group.level)
    ]
    return [*range(last), *branches]


def list_old_tensors(model: Any, old_state: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, value in an old detector, and value here, of each of its tensors.

    Of a class branch's last layer, only the rows of the old classes are compared.
    """
    state = model.state_dict()
    for name, old in old_state.items():
        new = state.get(name)
        yield name, old, new[: len(old)] if new is not None and old.dim() else new


def _iter_branches(head: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for name in names:
        branches = getattr(head, name, None)
        if branches is not None:
            yield name, branches


def _widen(convolution: Any, count: int) -> Any:
    """Return a last layer with as many more rows, of classes that it never gives."""
    import torch

    wide = _blank(convolution, convolution.out_channels + count)
    with torch.no_grad():
        wide.weight[: convolution.out_channels] = convolution.weight
        wide.bias[: convolution.out_channels] = convolution.bias
    return wide


def _make_rows(convolution: Any, old: int, new: int, stride_px: float) -> Any:
    """Return a last layer that never gives old classes, with fresh rows for the new ones.

    Source of the bias: ultralytics ``nn/modules/head.py:Detect.bias_init``.
    """
    import torch
    from torch import nn

    fresh = nn.Conv2d(convolution.in_channels, new, 1)
    wide = _blank(convolution, old + new)
    with torch.no_grad():
        wide.weight[old:] = fresh.weight
        wide.bias[old:] = math.log(5 / new / (640 / stride_px) ** 2)
    return wide


def _blank(convolution: Any, rows: int) -> Any:
    from torch import nn

    blank = nn.Conv2d(convolution.in_channels, rows, 1)
    nn.init.zeros_(blank.weight)
    assert blank.bias is not None
    nn.init.constant_(blank.bias, NEVER)
    return blank
