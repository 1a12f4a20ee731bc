"""What ``yolokit runs show`` and ``compare`` do with their runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from yolokit.errors import TrainError
from yolokit.evaluate.config import RUNS as VAL_RUNS
from yolokit.files.atomic import publish_file
from yolokit.files.outputs import Replacing, Result, check_output, read_object
from yolokit.jobs.runs.compare import Comparison, compare_runs
from yolokit.jobs.runs.compare_folds import compare_folds
from yolokit.jobs.runs.compare_page import COMMAND, build_compare_page
from yolokit.jobs.runs.listing import (
    RunEntry,
    describe_folds,
    describe_run,
    find_folds,
    find_run,
)
from yolokit.report.render import is_made_by, render_page
from yolokit.train.folds.figures import sum_up
from yolokit.train.folds.page import write_page
from yolokit.train.folds.record import FoldsRecord, FoldsSummary, read_folds
from yolokit.train.record import RunRecord
from yolokit.train.report.page import write_report
from yolokit.train.report.summary import Summary, summarize


class ShownRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run: what is known of it, what came of it, what it measures, and its report if drawn.

    Attributes:
        evaluations: Evaluations of models in its folder, by ``yolokit val``: folder to mAP50-95.
    """

    entry: RunEntry
    record: RunRecord
    summary: Summary
    evaluations: dict[str, float]
    report: Path | None


class ShownFolds(msgspec.Struct, frozen=True, kw_only=True):
    """Folds: what is known of them, their record with its figures, and their report if drawn."""

    entry: RunEntry
    record: FoldsRecord
    summary: FoldsSummary
    report: Path | None


def show_run(name: str, *, draw: bool = False) -> ShownRun | ShownFolds:
    """Return what came of a run or of folds, and draw the report anew if that is asked for.

    Raises:
        TrainError: There is no such run, or its record is damaged.
    """
    folds = find_folds(name)
    if folds is not None:
        return _show_folds(folds, draw=draw)
    folder, record = find_run(name)
    summary = summarize(record, folder)
    return ShownRun(
        entry=describe_run(folder),
        record=record,
        summary=summary,
        evaluations=_find_evaluations(folder),
        report=write_report(record, folder, summary) if draw else None,
    )


def _show_folds(folder: Path, *, draw: bool) -> ShownFolds:
    record = read_folds(folder)
    return ShownFolds(
        entry=describe_folds(folder),
        record=record,
        summary=record.summary or sum_up(record, folder),
        report=write_page(record, folder) if draw else None,
    )


def compare_named(a: str, b: str, *, report: Path | None, overwrite: bool) -> Comparison:
    """Compare two runs, or folds with folds, and write a page if that is asked for.

    Raises:
        TrainError: There is no such run, its record is damaged, or one alone has folds.
        OutputExistsError: The page exists and is not to be replaced.
    """
    replacing = Replacing(result=_PAGE, wanted=overwrite)
    if report is not None:
        check_output(report, replacing)
    folds = find_folds(a), find_folds(b)
    if folds[0] is not None and folds[1] is not None:
        comparison, curves = compare_folds(folds[0], folds[1])
    elif any(folds):
        raise _tell_apart(folds[0] or folds[1], b if folds[0] else a)
    else:
        first, second = find_run(a), find_run(b)
        comparison = compare_runs(first, second)
        curves = first[1].epochs, second[1].epochs
    if report is not None:
        page = build_compare_page(comparison, curves)
        with publish_file(report, replacing) as part:
            part.write_bytes(render_page(page).encode("utf-8", "backslashreplace"))
    return comparison


def _tell_apart(folds: Path | None, run: str) -> TrainError:
    return TrainError(
        f"{folds} has folds and {run} is one run: they were measured on different images",
        hint=f"compare one of the folds, such as {folds}/fold-1, or two folders of folds",
    )


def _find_evaluations(folder: Path) -> dict[str, float]:
    """Return the evaluations below ``runs/val`` of models that lie in a folder."""
    found = {}
    for path in sorted(VAL_RUNS.glob("*/metrics.json")):
        metrics = read_object(path)
        score = _overall(metrics)
        model = metrics.get("model")
        if score is None or not isinstance(model, str) or "\0" in model:
            continue
        if Path(os.path.realpath(model)).parent == Path(os.path.realpath(folder)):
            found[os.fspath(path.parent)] = score
    return found


def _overall(metrics: dict[str, Any]) -> float | None:
    overall = metrics.get("overall")
    score = overall.get("map50_95") if isinstance(overall, dict) else None
    return float(score) if isinstance(score, int | float) else None


def _recognise(path: Path) -> tuple[()] | None:
    return () if is_made_by(path, COMMAND) else None


_PAGE = Result(command=COMMAND, recognise=_recognise, is_folder=False, options="--report")
