"""Folds as a table on the terminal, for ``yolokit train --folds`` and ``yolokit runs show``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
