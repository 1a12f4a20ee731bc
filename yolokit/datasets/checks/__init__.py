"""Checks of a data set, one file each: what is wrong or odd about it, by a stable code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, cast

from yolokit.core.findings import Finding
from yolokit.core.plugins import list_plugins, load_plugin
from yolokit.core.suggest import unknown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.datasets.facts import DatasetFacts, Purpose

PACKAGES = tuple(
    f"yolokit.datasets.checks.{about}" for about in ("rows", "images", "sets", "advice")
)
"""Checks of each label, of each image, of the set as a whole, and of what would make it better;
codes are unique over all."""

Severity: TypeAlias = Literal["error", "doubt", "warning", "advice"]
"""Nothing allows an error; a doubt is refused unless ``--allow CODE``; a warning is told; advice
is a suggestion, which never fails anything."""

SEVERITIES: tuple[Severity, ...] = ("error", "doubt", "warning", "advice")


class Check(Protocol):
    """What each module of these packages offers; its docstring says what it finds.

    Attributes:
        CODE: The stable name of what it finds: that of the module, with dashes.
        TITLE: What it finds, as a heading: a noun in the plural, without a full stop.
        SEVERITY: How serious that is.
        PURPOSES: For which use of a data set it runs.
        HINT: What helps; a finding may have a better one.
    """

    CODE: str
    TITLE: str
    SEVERITY: Severity
    PURPOSES: tuple[Purpose, ...]
    HINT: str

    def find(self, facts: DatasetFacts) -> Iterator[Finding | str]:
        """Yield what is found: with as exact a place as is known, or a sentence about the set."""


def load_checks() -> list[Check]:
    """Return all checks: of labels, of images, of the set, each by their codes."""
    return [load_check(name) for name in list_checks()]


def list_checks() -> tuple[str, ...]:
    """Return the names of all checks."""
    return tuple(name for package in PACKAGES for name in list_plugins(package))


def load_check(name: str) -> Check:
    """Import one check.

    Raises:
        ConfigError: There is no such check; the message suggests the nearest.
    """
    for package in PACKAGES:
        if name in list_plugins(package):
            return cast("Check", load_plugin(package, name, kind="check"))
    raise unknown_name("check", name, list_checks())


def find_with(check: Check, facts: DatasetFacts) -> Iterator[Finding]:
    """Yield what one check finds; a mere sentence is of the whole set, by the check's code."""
    for found in check.find(facts):
        yield Finding(check.CODE, found, facts.path) if isinstance(found, str) else found


def allowable_codes() -> tuple[str, ...]:
    """Return what ``--allow`` takes before training."""
    return tuple(check.CODE for check in load_checks() if check.SEVERITY == "doubt")
