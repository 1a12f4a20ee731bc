"""What was found, by how serious it is: places, what helps, and examples drawn."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import name_place
from yolokit.jobs.check.page.pictures import draw_around, draw_image
from yolokit.report.page import Block, Details, Gallery, Part, Section, Table, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from yolokit.core.findings import Finding
    from yolokit.datasets.check_report import CheckReport, FindingGroup
    from yolokit.datasets.checks import Severity
    from yolokit.datasets.facts import DatasetFacts
    from yolokit.report.page import Mood, Picture

_TITLES: Mapping[Severity, str] = {
    "error": "Errors",
    "doubt": "Doubts",
    "warning": "Warnings",
    "advice": "Suggestions",
}
_MEANINGS: Mapping[Severity, str] = {
    "error": "A training does not start with these, and they cannot be allowed.",
    "doubt": "A training does not start with these, unless `--allow CODE` says that it may.",
    "warning": "These stop nothing, but models are worse for most of them.",
    "advice": "",
}
_MOODS: Mapping[Severity, Mood] = {
    "error": "bad",
    "doubt": "bad",
    "warning": "warning",
    "advice": "neutral",
}
_LISTED, _FOLDED = 5, 200
_PICTURES = 3


def findings_sections(
    report: CheckReport, facts: DatasetFacts, shown: Callable[[str], str]
) -> Iterator[Section]:
    """Yield a section for each severity of which anything was found."""
    drawing = _Examples(facts, shown)
    for severity, title in _TITLES.items():
        groups = [group for group in report.groups if group.severity == severity]
        if groups:
            meaning = _MEANINGS[severity]
            words = (Text(meaning),) if meaning else ()
            parts = (_describe(group, facts.path, drawing) for group in groups)
            yield Section(title, (*words, *parts))


class _Examples:
    """Draws what findings are about, each image at most once."""

    def __init__(self, facts: DatasetFacts, shown: Callable[[str], str]) -> None:
        self._table = facts.table
        paths = enumerate(facts.table.images.paths)
        self._image_of = {shown(path): image for image, path in reversed(list(paths)) if path}

    def of(self, findings: Sequence[Finding]) -> tuple[Picture, ...]:
        """Return pictures of the first findings that have any."""
        pictures: list[Picture] = []
        seen: set[int | str] = set()
        for finding in findings:
            key = finding.image if finding.row is None else int(self._table.image_of[finding.row])
            if key is None or key in seen:
                continue
            seen.add(key)
            picture = self._draw(finding)
            if picture is not None:
                pictures.append(picture)
            if len(pictures) == _PICTURES:
                break
        return tuple(pictures)

    def _draw(self, finding: Finding) -> Picture | None:
        table, row, found = self._table, finding.row, finding.xyxy_px
        if row is not None:
            image = int(table.image_of[row])
            caption = f"{table.images.names[image]}, {name_place(table, row)}"
            return draw_around(table, image, caption, row=row, found=found)
        if finding.image not in self._image_of:
            return None
        image = self._image_of[finding.image]
        caption = table.images.names[image]
        if found is not None:
            return draw_around(table, image, caption, found=found)
        return draw_image(table, image, caption)


def _describe(group: FindingGroup, path: Path, examples: _Examples) -> Part:
    """Return the findings of one code; those about the set itself need no place."""
    findings = group.findings
    root = path if path.is_dir() else path.parent
    own: list[Finding] = []
    placed: list[Finding] = []
    for one in findings:
        (own if one.path in (None, path) and one.line is None else placed).append(one)
    hints = list(dict.fromkeys(one.hint or group.hint for one in findings))
    blocks: list[Block] = [Text(_sentence(_within(one.message, root))) for one in own[:_LISTED]]
    if placed:
        blocks.append(_tabulate(placed[:_LISTED], root))
    if len(placed) > _LISTED:
        blocks.append(_fold(placed[_LISTED:], root))
    blocks += [Text(_sentence(hint)) for hint in hints[:_LISTED] if hint]
    pictures = examples.of(findings)
    if pictures:
        blocks.append(Gallery(pictures))
    allowed = ", allowed" if group.is_allowed else ""
    note = f"{counted(len(findings), 'finding')}{allowed} · `{group.code}`"
    title = f"{group.title[:1].upper()}{group.title[1:]}"
    mood = "neutral" if group.is_allowed else _MOODS[group.severity]
    return Part(title, tuple(blocks), mood, note)


def _fold(findings: Sequence[Finding], root: Path) -> Details:
    blocks: list[Block] = [_tabulate(findings[:_FOLDED], root)]
    if len(findings) > _FOLDED:
        more = counted(len(findings) - _FOLDED, "more is", "more are")
        blocks.append(Text(f"{more} listed by `yolokit data check --json`."))
    return Details(f"{counted(len(findings), 'more finding')}", tuple(blocks))


def _tabulate(findings: Sequence[Finding], root: Path) -> Table:
    if not any(one.line is not None or one.index is not None for one in findings):
        rows = [(_relative(one.path, root), _within(one.message, root)) for one in findings]
        return Table(("file", "what was found"), tuple(rows))
    placed = [
        (_relative(one.path, root), _place(one), _within(one.message, root)) for one in findings
    ]
    return Table(("file", "line", "what was found"), tuple(placed))


def _place(finding: Finding) -> str:
    if finding.index is not None:
        return f"annotation {finding.index}"
    return "-" if finding.line is None else str(finding.line)


def _relative(path: Path | None, root: Path) -> str:
    """Return a path as it is called within the data set."""
    if path is None:
        return "-"
    for folder in (root, root.resolve()):
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return os.fspath(path)


def _within(message: str, root: Path) -> str:
    """Return a message in which files are called as they are within the data set."""
    starts = "|".join(re.escape(f"{folder}{os.sep}") for folder in (root.resolve(), root))
    return re.sub(rf"(?<![\w/\\.-])(?:{starts})", "", message)  # only where a path begins


def _sentence(text: str) -> str:
    """Return words as a sentence."""
    first = text if text.startswith("`") else text[:1].upper() + text[1:]
    return first if first.endswith((".", "!", "?")) else f"{first}."
