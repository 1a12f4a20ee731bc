"""``report.html`` of a run: the verdict first, then what it stands on; from its folder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.core.units import describe_seconds
from yolokit.errors import TrainError
from yolokit.evaluate.tasks.toolkit import load_metric
from yolokit.files.atomic import write_atomic
from yolokit.report.page import Commands, Figure, Figures, Page, Section, Table, Text, Verdict
from yolokit.report.render import render_page
from yolokit.train.record import FITNESS
from yolokit.train.report.charts import draw_charts
from yolokit.train.report.kept import iter_pairs, read_best
from yolokit.train.report.sections import (
    describe_files,
    describe_options,
    describe_start,
    describe_time,
)
from yolokit.train.report.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    from yolokit.engine_protocol.validations import Validation
    from yolokit.train.record import RunRecord
    from yolokit.train.report.summary import Summary

REPORT_NAME = "report.html"
_MOODS: dict[str, Literal["good", "neutral", "warning", "bad"]] = {
    "improving": "neutral",
    "converged": "good",
    "over-fitting": "warning",
    "unstable": "warning",
    "nothing-learnt": "bad",
    "too-little": "neutral",
}
_FIGURES = {
    FITNESS: ("", ""),  # the first, whatever comes
    "mAP50": ("mAP50", "boxes that overlap by half"),
    "precision": ("Precision", "share of found boxes that are right"),
    "recall": ("Recall", "share of true boxes that are found"),
}


def write_report(record: RunRecord, run_dir: Path, summary: Summary | None = None) -> Path:
    """Write the report of a run into its folder, in one step.

    Args:
        record: The run.
        run_dir: Its folder.
        summary: What :func:`yolokit.train.report.summary.summarize` says, where that is known.
    """
    page = build_page(record, run_dir, summary or summarize(record, run_dir))
    path = run_dir / REPORT_NAME
    write_atomic(path, render_page(page).encode("utf-8", "backslashreplace"))
    return path


def build_page(record: RunRecord, run_dir: Path, summary: Summary) -> Page:
    """Return the report of a run as data."""
    sections = [
        Section("What came of it", _answer(record, summary)),
        Section("Curves", tuple(draw_charts(record, summary.curves)) or (_NO_CURVES,)),
        *_analyse(record, run_dir),
        *describe_start(record),
        *describe_time(record),
        describe_options(record),
        describe_files(run_dir),
    ]
    if summary.next:
        sections.append(Section("Next", (Commands(summary.next),)))
    return Page(
        title=f"Training run {run_dir.name}",
        lead=_lead(record),
        sections=tuple(sections),
        facts=_list_facts(record, run_dir),
    )


_NO_CURVES = Text("No epoch was completed, so there is nothing to draw.")


def _lead(record: RunRecord) -> str:
    images = counted(record.data.images.get("train", 0), "image")
    boxes = counted(record.data.boxes.get("train", 0), "box", "boxes")
    classes = counted(len(record.data.names), "class", "classes")
    ended = {
        "complete": "complete",
        "interrupted": "interrupted",
        "failed": "ended by an error",
        "running": "still running, or killed",
    }[record.state]
    epochs = counted(len(record.epochs), "epoch")
    return (
        f"{epochs} of {record.config.epochs} on {images} with {boxes} of {classes}, at "
        f"{record.config.imgsz} px: {ended}."
    )


def _answer(record: RunRecord, summary: Summary) -> tuple[Verdict | Figures, ...]:
    curves, baseline = summary.curves, summary.baseline
    mood = _MOODS[curves.kind]
    if mood == "good" and baseline.kind in ("same", "worse"):
        mood = "warning"
    reason = curves.reason[:1].upper() + curves.reason[1:]
    verdict = Verdict(mood, summary.headline, f"{reason} {baseline.sentence}", summary.advice)
    figures = _list_figures(record, summary)
    return (verdict, Figures(tuple(figures))) if figures else (verdict,)


def _list_figures(record: RunRecord, summary: Summary) -> list[Figure]:
    figures = []
    trained, baseline = record.best_trained, summary.baseline
    if baseline.kind == "knew-nothing":
        figures.append(Figure("mAP50-95 before", "0", "the start did not know the classes"))
    elif baseline.before is not None:
        figures.append(Figure("mAP50-95 before", f"{baseline.before:.3f}", "the start, on val"))
    if trained is not None:
        notes = {**_FIGURES, FITNESS: ("mAP50-95 after", f"epoch {trained.epoch}, on val")}
        figures += [
            Figure(label, f"{trained.metrics[name]:.3f}", note)
            for name, (label, note) in notes.items()
            if name in trained.metrics
        ]
    seconds = sum(epoch.seconds for epoch in record.epochs)
    if seconds:
        figures.append(Figure("Time", describe_seconds(seconds), f"on {record.device or '?'}"))
    return figures


def _analyse(record: RunRecord, run_dir: Path) -> list[Section]:
    """Return what the best epoch found on val, and where it was wrong."""
    try:
        best = read_best(run_dir, record)
    except TrainError as error:
        if record.best is None:
            return []
        text = f"What best.pt found in each image is not known here: {error}."
        return [Section("What it finds", (Text(text),))]
    return [_measure_classes(best, record.data.names)]


def _measure_classes(best: Validation, names: Sequence[str]) -> Section:
    """Return the table of ``yolokit val``, of what the best epoch found in torch."""
    metric = load_metric(Task.DETECT)
    tally = metric.open_tally()
    for _path, truth, found in iter_pairs(best):
        tally.add(truth, found)
    metrics = tally.compute(names)
    rows = [metric.show_row(row) for row in (metrics.overall, *metrics.classes)]
    table = Table(
        tuple(metric.COLUMNS),
        tuple(tuple(map(str, row)) for row in rows),
        "As COCO measures, so a little apart from the figures of training above. "
        + metric.summarize(metrics.overall),
    )
    return Section("Class by class", (table,))


def _list_facts(record: RunRecord, run_dir: Path) -> tuple[tuple[str, str], ...]:
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    facts = [
        ("Folder", str(run_dir)),
        ("Data", record.data.path),
        ("Data, sha256", record.data.sha256),
        ("Weights", record.weights.path if record.weights else "none"),
        ("Started", record.started),
        ("Ended", record.ended or "-"),
        *(("Resumed", when) for when in record.resumed),
        ("Device", " ".join(filter(None, (record.device, record.precision))) or "-"),
        ("Run", record.id),
        ("Versions", versions),
    ]
    if record.error:
        facts.insert(0, ("Error", record.error))
    return tuple(facts)
