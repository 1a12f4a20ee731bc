"""What a search varies: an option of ``train`` with a range, or with some values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.options import list_settings
from yolokit.errors import ConfigError
from yolokit.train.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from yolokit.core.options import Stated

_LOG_RATIO = 50  # a range that spans more is searched by its logarithm
# What a run is about, not how well it goes.
_FIXED = {"data", "seed", "device", "workers", "allow", "trust", "offline", "require_hash"}
DEFAULT_SEARCH = (
    "lr0=1e-5..1e-2",
    "weight_decay=1e-5..1e-2",
    "mosaic=0..1",
    "scale=0..0.9",
    "translate=0..0.3",
    "hsv_s=0..0.9",
    "hsv_v=0..0.9",
    "mixup=0..0.3",
    "cls=0.2..2",
)


class Range(msgspec.Struct, frozen=True, tag="range"):
    """Numbers from ``low`` to ``high``, both included."""

    low: float
    high: float
    is_whole: bool

    @property
    def is_log(self) -> bool:
        """Whether it is searched by its logarithm."""
        return self.low > 0 and self.high / self.low > _LOG_RATIO

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"


class Choice(msgspec.Struct, frozen=True, tag="choice"):
    """Some values, as text."""

    values: tuple[str, ...]

    def __str__(self) -> str:
        return ",".join(self.values)


def read_space(
    searches: Iterable[str], others: Mapping[str, Any]
) -> tuple[dict[str, Range | Choice], list[str]]:
    """Read what is to be searched.

    Args:
        searches: ``NAME=LOW..HIGH`` or ``NAME=A,B``, each an option of ``train``.
        others: The options that stay as they are, which must go together with those.

    Returns:
        Each option with its range or values, and a sentence for each mistake.
    """
    known = {stated.name: stated for stated in list_settings(TrainConfig)}
    space: dict[str, Range | Choice] = {}
    problems = []
    for text in searches:
        name, _, values = (part.strip() for part in text.partition("="))
        problem = _find_problem(name, values, known, space)
        if problem is None:
            try:
                space[name] = _read_values(values, known[name])
            except ValueError as error:
                problem = str(error)
            else:
                problem = _try_ends(name, space[name], others)
        if problem is not None:
            problems.append(f"search: {text}: {problem}")
    return space, problems


def _find_problem(
    name: str, values: str, known: Mapping[str, Stated], space: Mapping[str, object]
) -> str | None:
    if not values:
        return "must be NAME=LOW..HIGH or NAME=A,B"
    if name not in known:
        return TrainConfig.explain_unknown(name)
    if name in _FIXED or str in known[name].kinds and known[name].values == "":
        return f"{name} is what a run is about, and stays as it is"
    return "is searched twice" if name in space else None


def _read_values(text: str, stated: Stated) -> Range | Choice:
    low, dots, high = text.partition("..")
    if not dots:
        values = tuple(filter(None, (value.strip() for value in text.split(","))))
        if len(values) < 2:
            raise ValueError("needs at least two values, or a range LOW..HIGH")
        return Choice(values)
    if not stated.kinds & {int, float}:
        raise ValueError("is not a number: give the values, as NAME=A,B")
    try:
        ends = float(low), float(high)
    except ValueError:
        raise ValueError("the ends of a range must be numbers") from None
    if not ends[0] < ends[1]:
        raise ValueError("must begin below its end")
    is_whole = float not in stated.kinds
    if is_whole and not all(end.is_integer() for end in ends):
        raise ValueError("must be whole numbers")
    return Range(*ends, is_whole)


def _try_ends(name: str, found: Range | Choice, others: Mapping[str, Any]) -> str | None:
    """Build a training with each value that stands for the others; return what is wrong."""
    if isinstance(found, Choice):
        tried: tuple[Any, ...] = found.values
    else:
        tried = (found.low, found.high)
        if found.is_whole:
            tried = tuple(map(int, tried))
    for value in tried:
        try:
            TrainConfig.build({**others, name: value})
        except ConfigError as error:
            mine = [one for one in error.problems if one.startswith(f"{name}:")]
            if mine:
                return mine[0].removeprefix(f"{name}: ")
    return None
