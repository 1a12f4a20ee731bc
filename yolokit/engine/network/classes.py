"""Class rows: which tensors have one row for each class, and how a source's rows match."""

from __future__ import annotations

import copy
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from yolokit.engine.tasks.toolkit import EngineTask
    from yolokit.engine_protocol.training import Action

ROWS = "class rows"
_PLACEHOLDER = re.compile(r"(class|name|label|item|object|obj|cls)?[ _-]*\d+", re.IGNORECASE)
_LISTED = 6  # names in a reason


@dataclass(frozen=True, slots=True)
class ClassMatch:
    """Which class of a source each class of a model is.

    Attributes:
        sources: For each class, in order, the index of the source's row, or None.
        action: What becomes of the class rows as a whole.
        reason: Why, in words; empty where all rows are taken as they are.
    """

    sources: tuple[int | None, ...]
    action: Action
    reason: str


def match_classes(names: list[str], source_names: list[str]) -> ClassMatch:
    """Find each class in a source by its name.

    Equal names come first; names that differ only in case or outer blanks match where that is
    unambiguous on both sides. Placeholders such as numbers mean no particular class: they match
    only where both lists are equal as a whole.
    """
    if names == source_names:
        placeholders = all(map(_is_placeholder, names))
        reason = f"{ROWS}: all names are placeholders, but the same in the same order"
        return ClassMatch(tuple(range(len(names))), "taken", reason if placeholders else "")
    exact = _pair_up(names, source_names, str)
    folded = _pair_up(names, source_names, lambda name: name.strip().casefold())
    sources = tuple(
        None if _is_placeholder(name) else exact.get(name, folded.get(name)) for name in names
    )
    if sources == tuple(range(len(source_names))):
        return ClassMatch(sources, "taken", "")
    found = [name for name, source in zip(names, sources, strict=True) if source is not None]
    ignored = any(map(_is_placeholder, names)) and any(map(_is_placeholder, source_names))
    note = "; names such as 0 or class1 are placeholders and match nothing" if ignored else ""
    if not found:
        return ClassMatch(
            sources, "fresh", f"{ROWS}: the source knows no class of these names{note}"
        )
    others = ", the others fresh" if len(found) < len(names) else ""
    return ClassMatch(sources, "reshaped", f"{ROWS} of {_list(found)} by name{others}{note}")


def name_class_rows(model: Any, task: EngineTask) -> list[str]:
    """Return the names of a model's tensors that have one row for each class.

    These are the weights and biases of the last convolution of each class branch.
    """
    last = len(model.model) - 1
    return [
        f"model.{last}.{attribute}.{level}.{len(branch) - 1}.{kind}"
        for attribute, level, branch in _iter_branches(model, task)
        for kind in ("weight", "bias")
    ]


def widen_class_branches(model: Any, source: Any, task: EngineTask) -> None:
    """Give a model's class branches the hidden width that the source's have.

    Upstream derives it from the number of classes, so a model for other classes would lose the
    whole branch. The last convolution, which has the class rows, is fresh where this is done.
    """
    from torch import nn

    head, widened = model.model[-1], False
    theirs = {(name, level): branch for name, level, branch in _iter_branches(source, task)}
    for attribute, level, ours in list(_iter_branches(model, task)):
        branch = theirs.get((attribute, level))
        if branch is None or branch[-1].in_channels == ours[-1].in_channels:
            continue
        adopted = copy.deepcopy(branch).requires_grad_(requires_grad=True).train(ours.training)
        adopted[-1] = nn.Conv2d(branch[-1].in_channels, ours[-1].out_channels, 1)
        getattr(head, attribute)[level] = adopted
        widened = True
    if widened:
        head.bias_init()


def place_rows(fresh: Any, rows: Any, match: ClassMatch) -> Any:
    """Return a tensor with the source's rows (C', ...) at their new places in a fresh (C, ...)."""
    placed = fresh.clone()
    for index, source in enumerate(match.sources):
        if source is not None:
            placed[index] = rows[source]
    return placed


def _iter_branches(model: Any, task: EngineTask) -> Iterator[tuple[str, int, Any]]:
    head = model.model[-1]
    for attribute in task.CLASS_BRANCHES:
        for level, branch in enumerate(getattr(head, attribute, None) or ()):
            yield attribute, level, branch


def _pair_up(
    names: list[str], source_names: list[str], key: Callable[[str], str]
) -> dict[str, int]:
    """Pair names whose keys are equal, and are so once only on either side."""
    ours, theirs = Counter(map(key, names)), Counter(map(key, source_names))
    places = {key(name): index for index, name in enumerate(source_names)}
    return {name: places[key(name)] for name in names if ours[key(name)] == theirs[key(name)] == 1}


def _is_placeholder(name: str) -> bool:
    return _PLACEHOLDER.fullmatch(name.strip()) is not None


def _list(names: list[str]) -> str:
    listed = ", ".join(names[:_LISTED])
    return f"{listed} and {len(names) - _LISTED} more" if len(names) > _LISTED else listed
