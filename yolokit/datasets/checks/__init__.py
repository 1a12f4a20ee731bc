"""Checks of a YOLO data set, one file each: what is wrong or odd about it, by a stable code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast

from yolokit.core.findings import Finding
from yolokit.core.plugins import list_plugins, load_plugin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.datasets.facts import DatasetFacts, Purpose

PACKAGE = "yolokit.datasets.checks"

Severity: TypeAlias = Literal["error", "doubt", "warning"]
"""Nothing allows an error; a doubt is refused unless ``--allow CODE``; a warning is told."""


class Check(Protocol):
    """What each module of this package offers; its docstring says what it finds.

    Attributes:
        CODE: The stable name of what it finds: that of the module, with dashes.
        SEVERITY: How serious that is.
        PURPOSES: Before which use of a data set it runs.
        HINT: What helps; a finding may have a better one.
    """

    CODE: str
    SEVERITY: Severity
    PURPOSES: tuple[Purpose, ...]
    HINT: str

    def find(self, facts: DatasetFacts) -> Iterator[Finding | str]:
        """Yield what is found: with as exact a place as is known, or a sentence about the set."""


def load_checks() -> list[Check]:
    """Return all checks, by their codes."""
    return [cast("Check", load_plugin(PACKAGE, name, kind="check")) for name in list_checks()]


def list_checks() -> tuple[str, ...]:
    """Return the names of all checks."""
    return list_plugins(PACKAGE)


def run_checks(facts: DatasetFacts, severity: Severity) -> list[Finding]:
    """Return what all checks of a severity find in a data set, for the purpose it is read for."""
    return [
        finding
        for check in load_checks()
        if severity == check.SEVERITY and facts.purpose in check.PURPOSES
        for finding in find_with(check, facts)
    ]


def find_with(check: Check, facts: DatasetFacts) -> Iterator[Finding]:
    """Yield what one check finds; a mere sentence is of the ``data.yaml``, by the check's code."""
    for found in check.find(facts):
        yield Finding(check.CODE, found, facts.data.path) if isinstance(found, str) else found


def allowable_codes() -> tuple[str, ...]:
    """Return what ``--allow`` takes before training."""
    return tuple(check.CODE for check in load_checks() if check.SEVERITY == "doubt")
