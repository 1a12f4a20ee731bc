"""The options of ``yolokit tune``: those of a training, and how to search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from yolokit.core.options import Option, Positive, Texts
from yolokit.jobs.tune.space import DEFAULT_SEARCH, Choice, Range, read_space
from yolokit.train.config import TrainConfig

DEFAULT_TRIALS = 20


class TuneConfig(TrainConfig, frozen=True, kw_only=True):
    """A search for better options of a training; what is not searched stays as it is given.

    Attributes:
        trials: Of all processes that work on the search together.
        hours: Of this process; a trial that is being made is completed.
    """

    JOB: ClassVar[str] = "tune"

    search: Annotated[
        Texts,
        Option(
            "Option of train to vary, within a range or among values. Repeatable.",
            "NAME=LOW..HIGH|NAME=A,B",
            default="; ".join(DEFAULT_SEARCH),
        ),
    ] = ()
    trials: Annotated[
        Positive | None, Option("Trainings to make.", "N", default=f"{DEFAULT_TRIALS}, or --hours")
    ] = None
    hours: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Option("Begin no training after so many hours.", "X"),
    ] = None

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, the space included."""
        names = TrainConfig.__struct_fields__
        train = {name: value for name, value in values.items() if name in names}
        space, problems = read_space(values.get("search") or DEFAULT_SEARCH, _prepare(train))
        problems += [
            f"{name}: is searched, so it has no value of its own"
            for name in space
            if name in values and values[name] != _DEFAULTS[name]
        ]
        return [*TrainConfig.find_problems(train), *problems]

    @property
    def space(self) -> dict[str, Range | Choice]:
        """What is searched."""
        return read_space(self.search or DEFAULT_SEARCH, self.fixed)[0]

    @property
    def fixed(self) -> dict[str, Any]:
        """The options of each training that are not searched."""
        return _prepare({name: getattr(self, name) for name in TrainConfig.__struct_fields__})

    @property
    def count(self) -> int | None:
        """How many trials are wanted; None for as many as the hours allow."""
        return self.trials or (None if self.hours else DEFAULT_TRIALS)


def _prepare(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that a rate can be searched beside: auto would choose one of its own."""
    fixed = dict(values)
    if fixed.get("optimizer") == "auto":
        fixed["optimizer"] = "AdamW"
    return fixed


_DEFAULTS = {name: getattr(TrainConfig(data=""), name) for name in TrainConfig.__struct_fields__}
