"""``yolokit data check``: what is wrong or odd in a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.cli.command import json_option

if TYPE_CHECKING:
    from yolokit.core.findings import Finding
    from yolokit.datasets.check_report import CheckReport, FindingGroup

_LISTED = 5
_FAILED = 3


def check(
    ctx: typer.Context,
    json: Annotated[
        bool, json_option("Print all that was found as one line of JSON, each with its place.")
    ] = False,
) -> None:
    """Check a data set: labels, images, and the set as a whole.

    Takes a YOLO set, and anything that `yolokit data convert` reads. What would stop a training
    is an error, or a doubt, which --allow CODE sets aside; warnings and advice stop nothing.

    The exit code is 3 if anything is found that --fail-on names, or worse.
    """
    from yolokit.cli.output import emit_json, say
    from yolokit.cli.progress import show_events
    from yolokit.jobs.check.config import CheckConfig
    from yolokit.jobs.check.job import check_data

    config = CheckConfig.build(ctx.obj)
    with show_events() as on_event:
        report = check_data(config, on_event)
    if json:
        emit_json(to_plain(report))
    else:
        print_report(report)
    if config.report is not None:
        say(f"report: {config.report}")
    if report.fails(config.fail_on):
        raise typer.Exit(_FAILED)


def print_report(report: CheckReport) -> None:
    """Print what was found: words about the set on stderr, findings and the verdict on stdout."""
    from yolokit.cli.output import emit, say, table

    for sentence in report.evidence:
        say(f"read as {sentence}" if sentence == report.evidence[0] else f"note: {sentence}")
    rows = [
        (split or "no split", counts.images, counts.background_images, counts.boxes)
        for split, counts in report.splits.items()
    ]
    emit(table(("split", "images", "without labels", "labels"), rows))
    for group in report.groups:
        emit("\n" + _describe_group(group))
    emit("\n" + report.verdict)


def to_plain(report: CheckReport) -> dict[str, object]:
    """Return what was found for a machine: all but the table of labels and the images."""
    import msgspec

    from yolokit.datasets.checks import SEVERITIES

    plain: dict[str, object] = {
        "path": str(report.path),
        "format": report.format,
        "evidence": list(report.evidence),
        "names": list(report.names),
        "splits": msgspec.to_builtins(report.splits),
        "verdict": report.verdict,
        "counts": {severity: report.count(severity) for severity in SEVERITIES},
    }
    findings = [
        {
            "code": group.code,
            "severity": group.severity,
            "allowed": group.is_allowed,
            "path": None if one.path is None else str(one.path),
            "line": one.line,
            "index": one.index,
            "image": one.image,
            "score": one.score,
            "xyxy_px": one.xyxy_px,
            "message": one.message,
            "hint": one.hint or group.hint,
        }
        for group in report.groups
        for one in group.findings
    ]
    return plain | {"findings": findings}


def _describe_group(group: FindingGroup) -> str:
    """Return the findings of one code: a heading, the first of them, and what helps."""
    allowed = ", allowed" if group.is_allowed else ""
    head = f"{group.severity} {group.code} ({len(group.findings)}{allowed}): {group.title}"
    lines = [head, *(f"  {finding}" for finding in group.findings[:_LISTED])]
    more = len(group.findings) - _LISTED
    if more > 0:
        lines.append(f"  ... and {more} more (--json lists all)")
    hints = dict.fromkeys(_hint_of(group, finding) for finding in group.findings[:_LISTED])
    return "\n".join([*lines, *(f"  -> {hint}" for hint in hints)])


def _hint_of(group: FindingGroup, finding: Finding) -> str:
    return finding.hint or group.hint
