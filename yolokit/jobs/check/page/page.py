"""The page: the answer first, then what was found, what the set holds, and what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import yolokit
from yolokit.core.plural import counted
from yolokit.core.units import describe_share
from yolokit.jobs.check.page.contents import SMALL_PX, contents_sections
from yolokit.jobs.check.page.findings import findings_sections
from yolokit.jobs.check.page.look import look_sections
from yolokit.labels.splits import order_splits
from yolokit.report.page import (
    Block,
    Commands,
    Figure,
    Figures,
    Page,
    Section,
    Table,
    Text,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from yolokit.datasets.check_report import CheckReport, FindingGroup
    from yolokit.datasets.facts import DatasetFacts
    from yolokit.datasets.statistics import SetStatistics

COMMAND = "yolokit data check"
_STEPS = 4


def make_page(report: CheckReport, facts: DatasetFacts, shown: Callable[[str], str] = str) -> Page:
    """Return the page of a check.

    Args:
        report: What was found.
        facts: What was read; its image files are still there.
        shown: Turns the path of a file into what it is called for a person.
    """
    title = report.path.resolve().name
    statistics = facts.statistics
    return Page(
        title=f"Check of {title}",
        lead=f"{report.evidence[0]}.",
        sections=(
            Section(_question(facts), _answer(report, facts, statistics)),
            *findings_sections(report, facts, shown),
            *contents_sections(statistics),
            *look_sections(facts),
            Section("What to do next", (_list_commands(report, facts),)),
        ),
        facts=_list_facts(report, facts),
        made_by=f"{COMMAND} {yolokit.__version__}",
    )


def _question(facts: DatasetFacts) -> str:
    return "Can it be converted?" if facts.data is None else "Can it be trained on?"


def _answer(
    report: CheckReport, facts: DatasetFacts, statistics: SetStatistics
) -> tuple[Block, ...]:
    return (
        _judge(report, facts),
        _count(report, statistics),
        _tabulate_splits(statistics),
        *(Text(f"{sentence}.") for sentence in report.evidence[1:]),
    )


def _judge(report: CheckReport, facts: DatasetFacts) -> Verdict:
    """Return the answer, and what to mend first."""
    refused = [group for group in report.groups if group.is_refused]
    warned = [group for group in report.groups if group.is_of("warning")]
    advised = [group for group in report.groups if group.is_of("advice")]
    steps = _list_steps([*refused, *warned, *advised])
    text = f"{report.verdict[:1].upper()}{report.verdict[1:]}."
    if facts.data is None and refused:
        return Verdict("warning", "Parts of it cannot be used as they are", text, steps)
    if refused:
        return Verdict("bad", "Not yet: some things have to be mended", text, steps)
    if warned:
        return Verdict("warning", "Yes; some things deserve a look first", text, steps)
    return Verdict("good", "Yes, nothing speaks against it", text, steps)


def _list_steps(groups: Sequence[FindingGroup]) -> tuple[str, ...]:
    """Return what helps against the most serious groups; what helps against several, once."""
    of_hint: dict[str, list[FindingGroup]] = {}
    for group in groups:
        of_hint.setdefault(group.findings[0].hint or group.hint, []).append(group)
    return tuple(_describe_step(some, hint) for hint, some in list(of_hint.items())[:_STEPS])


def _describe_step(groups: Sequence[FindingGroup], hint: str) -> str:
    counts = [(one.title, len(one.findings)) for one in groups]
    told = "; ".join(title + (f" ({count:,})" if count > 1 else "") for title, count in counts)
    return f"{told[:1].upper()}{told[1:]}: {hint}"


def _count(report: CheckReport, statistics: SetStatistics) -> Figures:
    splits = statistics.splits.values()
    images, background = sum(s.images for s in splits), sum(s.background for s in splits)
    sides = statistics.sides
    small = sum(
        n for high, n in zip(sides.edges[1:], sides.counts, strict=True) if high <= SMALL_PX
    )
    measured = sum(sides.counts)
    figures = [
        Figure("images", f"{images:,}"),
        Figure("labels", f"{len(report.table):,}"),
        Figure("classes", f"{len(report.names):,}"),
        Figure("without labels", describe_share(background, images), counted(background, "image")),
    ]
    if measured:
        share = describe_share(small, measured)
        figures.append(Figure(f"under {SMALL_PX} px", share, f"of the boxes, at {report.imgsz} px"))
    return Figures(tuple(figures))


def _tabulate_splits(statistics: SetStatistics) -> Table:
    total = sum(split.images for split in statistics.splits.values())
    rows = tuple(
        (
            name or "no split",
            f"{split.images:,}",
            describe_share(split.images, total),
            f"{split.background:,}",
            f"{split.boxes:,}",
            f"{split.most_objects:,}",
        )
        for name in order_splits(statistics.splits)
        for split in [statistics.splits[name]]
    )
    columns = ("split", "images", "share", "without labels", "labels", "most in one image")
    return Table(columns, rows)


def _list_commands(report: CheckReport, facts: DatasetFacts) -> Commands:
    """Return what leads on from here."""
    path = _quote(str(report.path))
    again = (f"yolokit data check {path}", "checks again, after mending")
    show = (f"yolokit data show {path}", "shows its labels on its images")
    if facts.data is None:
        out = f"datasets/{report.path.resolve().name.partition('.')[0]}"
        convert = f"yolokit data convert {path} --out {_quote(out)}"
        return Commands(((convert, "makes a YOLO set of it, with an account of each label"), show))
    if any(group.is_refused for group in report.groups):
        return Commands((again, show))
    data = _quote(str(facts.data.path))
    train = f"yolokit train --data {data} --weights yolo26n --imgsz {report.imgsz}"
    return Commands(((train, "trains on it"), show, again))


def _quote(text: str) -> str:
    return shlex.quote(text)


def _list_facts(report: CheckReport, facts: DatasetFacts) -> tuple[tuple[str, str], ...]:
    allowed = ", ".join(group.code for group in report.groups if group.is_allowed)
    looked = "labels and images" if facts.scans else "labels alone"
    return (
        ("data set", str(report.path.resolve())),
        ("format", report.format),
        ("resolution of training", f"{report.imgsz} px"),
        ("looked at", looked),
        *((("allowed", allowed),) if allowed else ()),
    )
