"""What the checks of a data set found, for people, for machines and for the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from yolokit.core.findings import Finding
from yolokit.datasets.checks import Severity
from yolokit.datasets.counts import SplitCounts
from yolokit.datasets.label_table import LabelTable
from yolokit.images.scan import ImageScan


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

    def count(self, severity: Severity) -> int:
        """Return how many findings of a severity are not allowed."""
        return sum(
            len(group.findings)
            for group in self.groups
            if group.severity == severity and not group.is_allowed
        )
