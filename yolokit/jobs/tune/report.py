"""``report.html`` of a search: what was gained, what mattered, and every trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

import yolokit
from yolokit.core.plural import counted
from yolokit.core.units import describe_number, describe_seconds
from yolokit.files.atomic import write_atomic
from yolokit.jobs.tune.best import BEST_NAME, TABLE_NAME
from yolokit.jobs.tune.charts import draw_history, draw_importance, draw_slices
from yolokit.jobs.tune.keep import find_best
from yolokit.jobs.tune.trial import OWN_OPTIONS, trial_folder
from yolokit.report.page import (
    Commands,
    Details,
    Figure,
    Figures,
    Page,
    Section,
    Table,
    Text,
    Verdict,
)
from yolokit.report.render import render_page
from yolokit.train.record import read_record
from yolokit.train.report.advice import show_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.jobs.runs.compare import Comparison
    from yolokit.jobs.tune.search import Search
    from yolokit.jobs.tune.study import Trial
    from yolokit.report.page import Block

REPORT_NAME = "report.html"
COMMAND = "yolokit tune"
_CHOSEN = (
    "The best of many trials looks better than it is, since it was chosen by the images it was "
    "measured on. Train with its options and another seed, or measure its best.pt on a test split "
    "that nothing was chosen by, before you count on the gain."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a search has found so far.

    Attributes:
        search: What was varied.
        trials: All trials, the user's own options first.
        importance: Share of each option in whether a trial was good; empty if not known.
        comparison: Of the user's own options and the best; None where one of them is missing.
        folder: Folder of the search.
        data: Path of the data set.
    """

    search: Search
    trials: tuple[Trial, ...]
    importance: Mapping[str, float]
    comparison: Comparison | None
    folder: Path
    data: str

    @property
    def own(self) -> Trial:
        """The trial with the user's own options."""
        return self.trials[0]

    @property
    def best(self) -> Trial | None:
        """The best trial."""
        return find_best(self.trials)

    def count(self, state: str) -> int:
        """Return how many trials are in a state."""
        return sum(one.state == state for one in self.trials)


def write_report(findings: Findings) -> Path:
    """Write the report of a search into its folder, in one step."""
    path = findings.folder / REPORT_NAME
    page = render_page(build_page(findings))
    write_atomic(path, page.encode("utf-8", "backslashreplace"))
    return path


def build_page(found: Findings) -> Page:
    """Return the report of a search as data."""
    sections = [Section("What came of it", _answer(found))]
    if found.best is not None:
        sections += [
            Section("The best options", (_tabulate_best(found, found.best),)),
            Section("What mattered", (*draw_importance(found.importance, found.trials),)),
            Section("Option by option", draw_slices(found.search, _list_with_chosen(found))),
        ]
    sections.append(Section("The trials", _list_trials(found)))
    if found.best is not None:
        sections.append(Section("Next", (_suggest(found),)))
    return Page(
        title=f"Search {found.folder.name}",
        lead=f"{_count_trials(found)}; {counted(len(found.search.space), 'option')} varied.",
        sections=tuple(sections),
        facts=(
            ("data", found.data),
            ("begun", found.search.started),
            *((name, version) for name, version in found.search.versions.items()),
        ),
        made_by=f"{COMMAND} {yolokit.__version__}",
    )


def _count_trials(found: Findings) -> str:
    parts = [
        f"{found.count(state)} {state}" for state in ("pruned", "failed", "running")
        if found.count(state)
    ]  # fmt: skip
    others = f", of which {', '.join(parts)}" if parts else ""
    return f"{counted(len(found.trials), 'trial')}{others}"


def _answer(found: Findings) -> tuple[Block, ...]:
    best, own = found.best, found.own
    if best is None or best.score is None:
        return (Verdict("neutral", "No trial is complete yet"),)
    which = "your own options" if best.number == own.number else f"trial {best.number}"
    figures = [Figure(f"Best {found.search.fitness}", f"{best.score:.4f}", which)]
    if own.score is not None and best.number != own.number:
        figures.append(Figure("Your own options", f"{own.score:.4f}", f"trial {own.number}"))
        gain = best.score - own.score
        figures.append(Figure("Gained", f"{gain:+.4f}", "on val, by the best of all trials"))
    if best.start_score is not None:
        figures.append(Figure("The start", f"{best.start_score:.4f}", "before any training"))
    seconds = sum(one.seconds for one in found.trials)
    figures.append(Figure("Time of training", describe_seconds(seconds), "of all trials together"))
    return (_judge(found, best), Figures(tuple(figures)))


def _judge(found: Findings, best: Trial) -> Verdict:
    start = best.start_score
    if start is not None and best.score is not None and best.score <= start:
        return Verdict(
            "warning",
            "No trial got beyond the start",
            f"The start has {start:.4f} before any training, the best trial {best.score:.4f}: so "
            "its best.pt is the start itself. Vary gentler rates, or train for longer.",
        )
    if best.number == OWN_OPTIONS:
        others = counted(len(found.trials) - 1, "other trial")
        why = f"Of {others} none had a higher {found.search.fitness}."
        return Verdict("neutral", "Your own options were the best", why)
    compared = found.comparison
    if compared is None:
        return Verdict("neutral", f"Trial {best.number} is the best so far", _CHOSEN)
    text = f"{compared.reason} {_CHOSEN}"
    if compared.better == trial_folder(found.folder, best.number).name:
        return Verdict("good", f"Trial {best.number} is better than your own options", text)
    headline = f"Trial {best.number} is the best, and not shown to be better than your own options"
    return Verdict("neutral", headline, text)


def _tabulate_best(found: Findings, best: Trial) -> Table:
    """Show the best values beside the user's own, as both trainings really had them."""
    own, theirs = (_read_used(found, number) for number in (OWN_OPTIONS, best.number))
    names = [*found.search.space]
    names += ["optimizer"] if own["optimizer"] != theirs["optimizer"] else []
    rows = [
        (name, _show(own.get(name)), _show(theirs.get(name)), str(found.search.space.get(name, "")))
        for name in names
    ]
    return Table(("option", "yours", "best", "tried"), tuple(dict.fromkeys(rows)))


def _read_used(found: Findings, number: int) -> dict[str, Any]:
    """Return the options of a trial, with what ``auto`` chose."""
    record = read_record(trial_folder(found.folder, number))
    used = record.used
    options: dict[str, Any] = msgspec.structs.asdict(record.config)
    if used is not None:
        options |= {"optimizer": used.optimizer, "lr": used.lr0, "momentum": used.momentum}
    return options


def _list_with_chosen(found: Findings) -> tuple[Trial, ...]:
    """Return the trials, the first with what ``auto`` chose for what is varied."""
    space, own = found.search.space, found.own
    if own.score is None:
        return found.trials
    used = _read_used(found, own.number)
    chosen = {n: used[n] for n in space if n not in own.values and space[n].contains(used.get(n))}
    return (msgspec.structs.replace(own, values={**own.values, **chosen}), *found.trials[1:])


def _show(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-" if value is None else str(value)
    return describe_number(value, 4)


def _list_trials(found: Findings) -> tuple[Block, ...]:
    names = [*found.search.space]
    rows = tuple(
        (
            str(one.number),
            "your own" if one.number == OWN_OPTIONS else one.state,
            "-" if one.score is None else f"{one.score:.4f}",
            str(one.epochs or "-"),
            describe_seconds(one.seconds) if one.seconds else "-",
            *(_show(one.values.get(name)) for name in names),
        )
        for one in _list_with_chosen(found)
    )
    table = Table(("trial", "", found.search.fitness, "epochs", "time", *names), rows)
    failed = [
        f"Trial {one.number} failed: {one.why}" for one in found.trials if one.state == "failed"
    ]
    kept = (
        "Each trial is a run of its own in `trials/`: its record, table and options stay, the "
        f"weights of the best one alone. `{TABLE_NAME}` has this table for other programs."
    )
    return (
        *draw_history(found.trials, found.search.fitness),
        Details("All trials in numbers", (table,)),
        *map(Text, failed),
        Text(kept),
    )


def _suggest(found: Findings) -> Commands:
    folder, data = show_path(found.folder), found.data
    commands = [
        (
            f"yolokit train --data {data} --preset {folder}/{BEST_NAME} --seed 1",
            "trains with the best options and another seed: does the gain hold?",
        ),
    ]
    if found.best is not None and found.best.number != OWN_OPTIONS:
        first, best = (trial_folder(found.folder, n) for n in (OWN_OPTIONS, found.best.number))
        commands.append(
            (f"yolokit runs compare {show_path(first)} {show_path(best)}",
             "compares your own options with the best, class by class"),
        )  # fmt: skip
    return Commands(tuple(commands))
