"""The whole error tree. Every error a user can cause has a class here and an exit code.

Only ``cli/main.py`` catches :class:`YolokitError`; foreign exceptions are mapped to one of
these at a single boundary per library, ``from exc``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class YolokitError(Exception):
    """Base of all errors that yolokit reports to a user.

    Args:
        message: One human sentence: what is wrong, with the value that is wrong.
        hint: What to do about it, or None.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class ConfigError(YolokitError):
    """Options or a config file are wrong; every mistake is listed at once."""

    exit_code = 2

    def __init__(
        self, message: str, *, hint: str | None = None, problems: Sequence[str] = ()
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join([self.message, *(f"  - {problem}" for problem in self.problems)])


class OutputExistsError(ConfigError):
    """An output is already there and ``--overwrite`` was not given."""


class DataError(YolokitError):
    """A data set, an annotation file or an image is wrong, at a place that is named."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.line = line

    def __str__(self) -> str:
        if self.path is None:
            return self.message
        place = f"{self.path}:{self.line}" if self.line is not None else f"{self.path}"
        return f"{place}: {self.message}"


class NoLabelsError(DataError):
    """No image that a model would be measured on has a label."""


class WeightsError(YolokitError):
    """Weights are missing, unreadable, unsafe or not what they claim to be."""

    exit_code = 4


class FetchError(YolokitError):
    """A file that is fetched and kept could not be fetched, or is not what it must be."""

    exit_code = 4


class TrainError(YolokitError):
    """Training stopped on an error of its own; the run folder keeps its log."""

    exit_code = 1


class EngineKilledError(TrainError):
    """The system ended the process that trains or runs a checkpoint, as where memory runs out."""


class ExportError(YolokitError):
    """A model could not be exported, or is not as good as it has to be."""

    exit_code = 5


class GateError(ExportError):
    """An exported model failed a gate; nothing was published."""


class ParityError(GateError):
    """The exported model does not equal the trained one."""


class BudgetError(GateError):
    """No model was found that is as fast and as accurate as was asked for."""


class InferenceError(YolokitError):
    """A model could not be loaded or run."""

    exit_code = 6


class ProviderError(InferenceError):
    """An execution provider that was asked for does not load."""


class ModelOutputError(InferenceError):
    """A model's output does not have the layout that its manifest states."""


class MissingDependencyError(YolokitError):
    """An optional package is not installed; the hint is the exact command."""

    exit_code = 7


class JobCancelledError(YolokitError):
    """The user stopped a job; what it had finished is kept."""

    exit_code = 130
