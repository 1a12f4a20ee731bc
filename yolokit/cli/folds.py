"""Folds as a table on the terminal, for ``yolokit train --folds`` and ``yolokit runs show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yolokit.jobs.runs.job import ShownFolds
    from yolokit.train.folds.job import FoldsRun
    from yolokit.train.folds.record import FoldsRecord, FoldsSummary


def print_folds(run: FoldsRun, *, as_json: bool) -> None:
    """Print what came of folds."""
    from yolokit.cli.output import emit, emit_json, say
    from yolokit.train.record import to_plain
    from yolokit.train.report.advice import show_path

    if as_json:
        emit_json({"folder": str(run.folder), **to_plain(run.record)})
        return
    emit(tabulate_folds(run.record, run.summary))
    say(f"open: {show_path(run.report)}")
    emit(f"{run.folder}")


def tabulate_folds(record: FoldsRecord, summary: FoldsSummary) -> str:
    """Return the figures of each fold and each class, and the result in one line."""
    from yolokit.cli.output import table
    from yolokit.train.folds.tables import describe_result, list_classes, list_folds

    parts = [table(*list_folds(record, summary))]
    if summary.classes:
        parts.append(table(*list_classes(record, summary)))
    return "\n\n".join([*parts, describe_result(record, summary)])


def describe_folds(shown: ShownFolds) -> str:
    """Return what came of folds in lines, for ``yolokit runs show``."""
    from yolokit.core.units import describe_seconds
    from yolokit.train.report.advice import show_path
    from yolokit.train.run_folder import resume_command

    entry, record = shown.entry, shown.record
    facts = [
        ("folds", f"{entry.folder}: {entry.state}"),
        ("problem", entry.problem or ""),
        ("data", entry.data or ""),
        ("start", entry.start or ""),
        ("epochs", f"{entry.epochs} of {entry.planned} in {describe_seconds(entry.seconds or 0)}"),
        ("dealt", f"by seed {record.dealing.seed}"),
        *(("note", note) for note in (*record.notes, *record.dealing.notes)),
    ]
    facts = [(name, value) for name, value in facts if value]
    width = max(len(name) for name, _ in facts)
    lines = [f"{name:<{width}}  {value}" for name, value in facts]
    lines += ["", tabulate_folds(record, shown.summary), ""]
    report = shown.report or Path(entry.folder) / "report.html"
    if report.is_file():
        lines.append(f"open: {show_path(report)}")
    if entry.state in ("interrupted", "failed", "killed"):
        lines.append(f"go on with: {resume_command(Path(entry.folder))}")
    return "\n".join(lines)
