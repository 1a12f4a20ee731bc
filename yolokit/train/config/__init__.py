"""The options of ``yolokit train``: one frozen struct, checked as a whole before the start.

Each module has the options of one topic. A struct can inherit the fields of one other alone, so
they form a chain: data and start, run, sampling, schedule, loss, augmentation, logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from yolokit.train.config.checks import check_between_fields, find_idle
from yolokit.train.config.former import take_former
from yolokit.train.config.logs import LogOptions
from yolokit.train.config.presets import add_preset, describe_presets
from yolokit.train.other_words import OTHER_WORDS


class TrainConfig(LogOptions, frozen=True, kw_only=True):
    """How a model is trained. Names follow the field; defaults are upstream's unless noted."""

    JOB: ClassVar[str] = "train"
    FOREIGN: ClassVar[Mapping[str, str]] = OTHER_WORDS

    @classmethod
    def build(cls, values: Mapping[str, Any]) -> Self:
        """Check values, completed by those of their preset, and build a config from them.

        Raises:
            ConfigError: Anything is wrong; ``problems`` has a sentence for each mistake.
        """
        return super().build(add_preset(take_former(values)))

    @classmethod
    def find_problems(cls, values: Mapping[str, Any]) -> list[str]:
        """Check between fields, and what has to be known."""
        return check_between_fields(values)

    @classmethod
    def explain_more(cls, name: str) -> str:
        """Return what `yolokit help` says of one option beside its help, or an empty text."""
        return describe_presets() if name == "preset" else ""

    @classmethod
    def find_idle(cls, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return each option that has no effect beside the others, with the reason."""
        return find_idle(values)
