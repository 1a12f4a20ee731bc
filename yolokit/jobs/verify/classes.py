"""The class lists of two models: told where they differ, and matched by name alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.errors import ConfigError
from yolokit.evaluate.run import ClassMap
from yolokit.jobs.verify.record import Check

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMES_SHOWN = 5


def compare_names(first: Sequence[str], second: Sequence[str], *, has_data: bool) -> list[Check]:
    """Say how two class lists differ; nothing where they are the same.

    Without a data set, whose classes decide, a class that the second model does not know is a
    fault. What it has beside, or in another order, is told: programs read the numbers.
    """
    if tuple(first) == tuple(second):
        return []
    lacks = [name for name in first if name not in second]
    more = [name for name in second if name not in first]
    checks = []
    if lacks:
        text = f"the second model does not know {_list(lacks)}"
        checks.append(Check(name="classes", holds=None if has_data else False, text=text))
    if more:
        text = f"the second model also knows {_list(more)}"
        checks.append(Check(name="classes", holds=None, text=text))
    if [name for name in first if name in second] != [name for name in second if name in first]:
        checks.append(Check(name="classes", holds=None, text=_describe_order(first, second)))
    return checks


def join_classes(first: Sequence[str], second: Sequence[str]) -> tuple[tuple[str, ...], ClassMap]:
    """Return one list for both models, the first's and what the second has beside, and its map.

    Raises:
        ConfigError: One of them has a name twice, so that names do not tell what is what.
    """
    for which, names in (("first", first), ("second", second)):
        doubled = [name for name, count in Counter(names).items() if count > 1]
        if doubled:
            raise ConfigError(f"the {which} model has several classes called {doubled[0]!r}")
    joined = (*first, *(name for name in second if name not in first))
    ids = [joined.index(name) for name in second]
    return joined, ClassMap(np.array(ids, np.int64), ())


def _describe_order(first: Sequence[str], second: Sequence[str]) -> str:
    at, name = next(
        (at, name) for at, name in enumerate(first) if at >= len(second) or second[at] != name
    )
    other = second[at] if at < len(second) else "nothing"
    return (
        f"the classes are in another order: number {at} is {name!r} in the first model and "
        f"{other!r} in the second; they are matched by name, and a program that reads numbers "
        "has to be changed"
    )


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMES_SHOWN]))
    left = len(names) - _NAMES_SHOWN
    return shown if left <= 0 else f"{shown} and {counted(left, 'more class', 'more classes')}"
