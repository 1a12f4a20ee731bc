"""What a search varies: options of ``train``, each within a range or among values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec

from yolokit.core.option_file import read_option_file
from yolokit.core.options import list_settings
from yolokit.errors import ConfigError
from yolokit.train.config import TrainConfig
from yolokit.train.config.augment import AugmentOptions
from yolokit.train.config.former import TODAY
from yolokit.train.config.run import RunOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yolokit.core.options import Stated

DEFAULT_SPACE = Path(__file__).with_name("default_space.yaml")
KINDS = ("float", "log", "int", "choice")
_SHAPE = "must be {float: [LOW, HIGH]}, {log: [LOW, HIGH]}, {int: [LOW, HIGH]} or {choice: [A, B]}"
# How a training learns: not what from, how long, or how it is measured, which would make trials
# differ in more than how well they learn.
_OF_RUNS = {"imgsz", "batch", "freeze"}
SEARCHABLE = {*AugmentOptions.__struct_fields__} - {*RunOptions.__struct_fields__} | _OF_RUNS
_DIGITS = 4  # of a value that is tried: more say nothing, and nobody reads them

Value: TypeAlias = bool | int | float | str


class Range(msgspec.Struct, frozen=True, tag="range"):
    """Numbers from ``low`` to ``high``, both included; ``log`` are searched by their logarithm."""

    kind: Literal["float", "log", "int"]
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g} to {self.high:g}"

    def contains(self, value: object) -> bool:
        """Tell whether a value lies in it."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high  # type: ignore[operator]

    def round(self, value: Any) -> Value:
        """Return a value as it is tried, with few digits."""
        if self.kind == "int":
            return int(value)
        return min(max(float(f"{value:.{_DIGITS}g}"), self.low), self.high)


class Choice(msgspec.Struct, frozen=True, tag="choice"):
    """Some values."""

    values: tuple[Value, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.values))

    def contains(self, value: object) -> bool:
        """Tell whether a value is one of them."""
        return any(value == one and type(value) is type(one) for one in self.values)

    def round(self, value: Any) -> Value:
        """Return a value as it is tried."""
        return value  # type: ignore[no-any-return]


Space: TypeAlias = dict[str, Range | Choice]


def read_space(file: Path | None, others: Mapping[str, Any]) -> Space:
    """Read what is to be searched.

    Args:
        file: A YAML file as :data:`DEFAULT_SPACE`, which None stands for.
        others: The options of ``train`` that stay as they are; each value must go with them.

    Raises:
        ConfigError: It cannot be read, or ``problems`` has a sentence for each mistake.
    """
    path = file or DEFAULT_SPACE
    stated = {
        TODAY["lr0"] if name == "lr0" else name: content
        for name, content in read_option_file(path).items()
    }
    known = {one.name: one for one in list_settings(TrainConfig)}
    fixed = dict(others)
    if "optimizer" in stated:
        fixed["optimizer"] = "SGD"  # any that a momentum goes with
    space: Space = {}
    problems = [] if stated else ["names no option to vary"]
    for name, content in stated.items():
        try:
            _require_searchable(name)
            space[name] = _read_one(content, known[name], fixed)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    optimizer = space.get("optimizer")
    if isinstance(optimizer, Choice) and "auto" in optimizer.values and "momentum" in space:
        problems.append("optimizer: auto chooses a momentum, so none can be varied beside it")
    if problems:
        raise ConfigError(f"{path} cannot be searched:", problems=problems)
    return space


def _require_searchable(name: str) -> None:
    """Refuse what is not an option, and what a run is about.

    Raises:
        ValueError: In words.
    """
    if name in SEARCHABLE:
        return
    if name in TrainConfig.__struct_fields__:
        raise ValueError("says what a run is about, or how long it is: it stays as it is")
    raise ValueError(TrainConfig.explain_unknown(name).removeprefix(f"{name}: "))


def _read_one(content: Any, stated: Stated, others: Mapping[str, Any]) -> Range | Choice:
    """Read what stands behind a name.

    Raises:
        ValueError: In words.
    """
    if not isinstance(content, dict) or len(content) != 1:
        raise ValueError(_SHAPE)
    ((kind, values),) = content.items()
    if kind not in KINDS or not isinstance(values, list) or len(values) < 2:
        raise ValueError(_SHAPE)
    if kind == "choice":
        return Choice(_read_choice(values, stated.name, others))
    if len(values) != 2:
        raise ValueError(_SHAPE)
    return _read_range(kind, values, stated, others)


def _read_choice(values: list[Any], name: str, others: Mapping[str, Any]) -> tuple[Value, ...]:
    found = [_try_value(name, value, others) for value in values]
    if len({(type(one), one) for one in found}) < len(found):
        raise ValueError("has one value twice")
    if not all(isinstance(one, bool | int | float | str) for one in found):
        raise ValueError("must be among single values")
    return tuple(found)


def _read_range(
    kind: Literal["float", "log", "int"], ends: list[Any], stated: Stated, others: Mapping[str, Any]
) -> Range:
    is_whole = float not in stated.kinds
    if stated.name == "imgsz" or not stated.kinds & {int, float}:
        raise ValueError("takes no range: give the values, {choice: [A, B]}")
    if is_whole != (kind == "int"):
        raise ValueError(
            f"is a {'whole ' * is_whole}number: {'int' if is_whole else 'float or log'}"
        )
    low, high = (_try_value(stated.name, end, others) for end in ends)
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        raise ValueError("the ends of a range must be numbers")  # noqa: TRY004 - told as others
    if not low < high:
        raise ValueError(f"the range must begin below its end, not {low:g} to {high:g}")
    if kind == "log" and low <= 0:
        raise ValueError("a range by logarithm must begin above 0")
    return Range(kind, low, high)


def _try_value(name: str, value: Any, others: Mapping[str, Any]) -> Any:
    """Return a value as a training would take it beside the others.

    Raises:
        ValueError: It would not take it; in words.
    """
    try:
        return getattr(TrainConfig.build({"data": "", **others, name: value}), name)
    except ConfigError as error:
        mine = [one for one in error.problems if one.startswith(f"{name}:")]
        if mine:
            raise ValueError(mine[0].removeprefix(f"{name}: ")) from error
    plain = {name: value, "optimizer": "SGD"} if name == "momentum" else {name: value}
    return getattr(TrainConfig.build({"data": "", **plain}), name)
