"""What reading a source said about it, as findings by the codes of its account."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.convert.findings import CODES
from yolokit.datasets.check_report import FindingGroup
from yolokit.datasets.checks import load_checks
from yolokit.datasets.checks.images.unusable_images import UNREADABLE
from yolokit.datasets.checks.toolkit import of_entry
from yolokit.labels.ledger import KEYPOINTS_ASIDE, OUTLINES_ASIDE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from yolokit.core.findings import Finding
    from yolokit.datasets.checks import Severity
    from yolokit.datasets.facts import SourceAccount

# Of the outcome of an annotation: how serious it is, a heading, and what helps.
_BY_ACTION: Mapping[str, tuple[Severity, str, str]] = MappingProxyType(
    {
        "dropped": (
            "doubt",
            "annotations that cannot be used",
            (
                "mend them in the tool that made them; `yolokit data convert` drops them and names "
                "each in its ledger"
            ),
        ),
        "noted": (
            "warning",
            "oddities of the source",
            "look at the source there; `yolokit data convert` goes on, and notes it in its ledger",
        ),
        "excluded": (
            "advice",
            "annotations that the format's own rules leave out",
            "`yolokit data formats NAME` lists which of these rules --assume can change",
        ),
    }
)
_DOUBT_HINT = "`yolokit data convert` refuses the set unless it is allowed"
# Said by a check that looks at images, or of no interest: nothing is left aside here.
_SAID_ELSEWHERE = frozenset({UNREADABLE, "exif-orientation", OUTLINES_ASIDE[0], KEYPOINTS_ASIDE[0]})


def group_account(account: SourceAccount, allow: Collection[str]) -> tuple[FindingGroup, ...]:
    """Return what no check tells of an account, by severity and code."""
    told = _SAID_ELSEWHERE | {check.CODE for check in load_checks()}
    found: dict[tuple[str, str], list[Finding]] = {}
    for entry in account.entries:
        if entry.code not in told and entry.action in _BY_ACTION:
            found.setdefault((entry.action, entry.code), []).append(of_entry(entry))
    groups = [
        FindingGroup(code, severity, title, hint, code in allow, tuple(findings))
        for (action, code), findings in found.items()
        for severity, title, hint in (_BY_ACTION[action],)
    ]
    doubts: dict[str, list[Finding]] = {}
    for finding in account.doubts:
        doubts.setdefault(finding.code, []).append(finding)
    groups += [
        FindingGroup(
            code, "doubt", CODES.get(code, code), _DOUBT_HINT, code in allow, tuple(findings)
        )
        for code, findings in doubts.items()
    ]
    return tuple(groups)
