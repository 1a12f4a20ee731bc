"""The options of ``yolokit tune``: those of a training, and how to search."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta

from yolokit.core.options import AnyPath, Option, Positive
from yolokit.train.config import TrainConfig

DEFAULT_TRIALS = 20
_NO_FOLDS = "is for `yolokit train`; a search trains each trial once, and measures it on val"


class TuneConfig(TrainConfig, frozen=True, kw_only=True):
    """A search for better options of a training; what is not searched stays as it is given.

    Attributes:
        space: None for ``jobs/tune/default_space.yaml``.
        trials: Of all processes that work on the search together.
        hours: Of this process; a trial that was begun is completed.
    """

    JOB: ClassVar[str] = "tune"
    FOREIGN: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            **TrainConfig.FOREIGN,
            "folds": _NO_FOLDS,
            "iterations": "is called trials here",
            "resume": "needs no option: the same command goes on with a search",
            "project": "is given on the command line: --out FOLDER, or --name NAME below runs/tune",
        }
    )

    epochs: Annotated[
        int, Meta(ge=1, le=1_000_000), Option("Passes over the data, of each training.", "N")
    ] = 100
    nnodes: Literal[1] = 1  # each training of a search runs on one machine
    rdzv: None = None
    folds: int | None = None  # not taken, as fold_group: see find_problems
    fold_group: str | None = None
    space: Annotated[
        AnyPath | None,
        Option(
            "What to vary, a YAML file.", "FILE",
            default="lr, weight_decay, mosaic, scale, mixup, cls",
        ),
    ] = None  # fmt: skip
    trials: Annotated[
        Positive | None,
        Option(
            "Trainings of the whole search, those that are done included.",
            "N",
            default=f"{DEFAULT_TRIALS}, or what --hours allow",
        ),
    ] = None
    hours: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Option("Begin no further training after so many hours.", "X"),
    ] = None
    no_pruning: Annotated[bool, Option("Train also those to their end that go badly.")] = False

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check as for a training, and refuse what no trial can have."""
        if values.get("folds") is not None:
            return [f"folds: {_NO_FOLDS}"]
        return super().find_problems(values)

    @property
    def wanted(self) -> int | None:
        """How many trials the search is to have; None for as many as the hours allow."""
        return self.trials or (None if self.hours else DEFAULT_TRIALS)

    @property
    def prunes(self) -> bool:
        """Whether bad trials are ended early; on several devices that would be an interruption."""
        return not self.no_pruning and "," not in self.device

    @property
    def training(self) -> TrainConfig:
        """The options of a training, without those of the search."""
        return TrainConfig(**{name: getattr(self, name) for name in TrainConfig.__struct_fields__})
