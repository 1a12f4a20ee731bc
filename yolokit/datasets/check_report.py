"""What the checks of a data set found, for people, for machines and for the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from yolokit.core.findings import Finding
from yolokit.datasets.checks import SEVERITIES, Severity, find_with, load_checks
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.label_table import LabelTable
from yolokit.errors import DataError
from yolokit.images.scan import ImageScan
from yolokit.labels.ledger import join_errors

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from yolokit.datasets.facts import DatasetFacts


class FindingGroup(msgspec.Struct, frozen=True):
    """All findings of one code.

    Attributes:
        code: Of the check, or the one by which the account of a source names it.
        severity: How serious they are.
        title: What they are, as a heading.
        hint: What helps; a finding may have a better one.
        is_allowed: Whether the user has allowed the code: they fail nothing then.
        findings: At least one.
    """

    code: str
    severity: Severity
    title: str
    hint: str
    is_allowed: bool
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Whether training does not go on with them."""
        return self.severity in ("error", "doubt") and not self.is_allowed

    def is_of(self, severity: Severity) -> bool:
        """Whether they are of a severity, and not allowed."""
        return self.severity == severity and not self.is_allowed


class CheckReport(msgspec.Struct, frozen=True, eq=False):
    """What was found in a data set.

    Attributes:
        path: The data set, as it was given.
        format: What it was read as, such as ``yolo``.
        evidence: What was concluded about it, one sentence each.
        names: Of the classes.
        splits: Split to what it holds; the one without a name is of what is in no split.
        groups: What was found, the most serious first; then by code.
        verdict: What that means, in a sentence.
        table: All labels.
        scans: What is known of each image file; empty where no image was looked at.
        imgsz: The resolution of training in px that was reckoned with.
    """

    path: Path
    format: str
    evidence: tuple[str, ...]
    names: tuple[str, ...]
    splits: Mapping[str, SplitCounts]
    groups: tuple[FindingGroup, ...]
    verdict: str
    table: LabelTable
    scans: Mapping[str, ImageScan]
    imgsz: int

    def fails(self, severity: Literal["error", "warning"]) -> bool:
        """Tell whether anything as serious was found; a doubt that is not allowed is."""
        serious = SEVERITIES[: SEVERITIES.index("warning") + (severity == "warning")]
        return any(self.count(one) for one in serious)

    def count(self, severity: Severity) -> int:
        """Return how many findings of a severity are not allowed."""
        return sum(len(group.findings) for group in self.groups if group.is_of(severity))


def group_findings(facts: DatasetFacts, allow: Collection[str]) -> tuple[FindingGroup, ...]:
    """Run all checks for the purpose of a data set; return what they find, the worst first."""
    return tuple(
        FindingGroup(
            check.CODE,
            severity,
            check.TITLE,
            check.HINT,
            check.CODE in allow,
            tuple(found),
        )
        for severity in SEVERITIES
        for check in load_checks()
        if severity == check.SEVERITY and facts.purpose in check.PURPOSES
        if (found := list(find_with(check, facts)))
    )


def refuse_groups(groups: Sequence[FindingGroup], what: str) -> None:
    """Refuse errors, and doubts that are not allowed.

    Raises:
        DataError: There are any; each of the first is listed with its place and code, and the
            hint says what helps, and which codes may be allowed.
    """
    refused = [group for group in groups if group.is_refused]
    if not refused:
        return
    errors = [
        DataError(f"{one.message} ({group.code})", path=one.path, line=one.line)
        for group in refused
        for one in group.findings
    ]
    hints = list(dict.fromkeys(group.findings[0].hint or group.hint for group in refused))
    doubts = [f"--allow {group.code}" for group in refused if group.severity == "doubt"]
    if doubts:
        hints.append(f"if it is right nevertheless: {' '.join(doubts)}")
    joined = join_errors(errors, what)
    joined.hint = "; ".join(hints)
    raise joined


def describe_group(group: FindingGroup, path: Path) -> Iterator[str]:
    """Yield sentences about findings of one code: those of the set itself, and a count of others.

    Args:
        group: The findings.
        path: The data set, whose own findings need no place.
    """
    allowed = f" (allowed: {group.code})" if group.is_allowed else ""
    placed: list[Finding] = []
    for one in group.findings:
        if one.path == path or one.path is None:
            yield one.message + allowed
        else:
            placed.append(one)
    if len(placed) == 1:
        yield f"{placed[0]}{allowed}"
    elif placed:
        yield f"{len(placed)} {group.title}, such as {placed[0]}{allowed}"
