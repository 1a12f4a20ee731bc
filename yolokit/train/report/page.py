"""``report.html`` of a run: the verdict first, then what it stands on; from its folder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.core.plural import counted
from yolokit.errors import TrainError
from yolokit.evaluate.analysis import analyse
from yolokit.evaluate.pages import analysis_sections
from yolokit.files.atomic import write_atomic
from yolokit.metrics.fitness import MAP50_95, describe_fitness, parse_fitness
from yolokit.report.page import (
    Commands,
    Details,
    Figure,
    Figures,
    Page,
    Section,
    Text,
    Verdict,
)
from yolokit.report.render import render_page
from yolokit.train.report.adding import describe_adding
from yolokit.train.report.charts import draw_charts
from yolokit.train.report.gradients import describe_gradients
from yolokit.train.report.kept import iter_pairs, read_best
from yolokit.train.report.sections import (
    describe_files,
    describe_options,
    describe_start,
    describe_time,
)
from yolokit.train.report.summary import summarize

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from yolokit.report.page import Block
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
_MEANINGS = (
    Text(
        "All of them lie between 0, nothing, and 1, perfect. They are measured on the images "
        "of val, which the model is not trained on, by the training framework."
    ),
    Text(
        "mAP50 (mean average precision) says how well objects are found and told apart, if a "
        "box counts as right where it overlaps the true one by half or more; over all "
        "confidences, so nobody need choose one. mAP50-95 is the same for ten demands from "
        "half to nearly exact, so it says how well boxes fit, too; it is always lower."
    ),
    Text(
        "Precision is the share of found boxes that are right, recall the share of true boxes "
        "that are found, both at the confidence that serves both best: means over the classes, "
        "as torch measured them. The tables below are counted anew, and may differ a little."
    ),
)
_FIGURES = {
    MAP50_95: ("mAP50-95", "how well boxes fit, too"),
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
        *describe_adding(record, run_dir),
        Section("Curves", draw_charts(record, summary.curves) or (_NO_CURVES,)),
        *describe_gradients(run_dir),
        *_analyse(record, run_dir),
        *describe_start(record),
        *describe_time(record),
        describe_options(record),
        describe_files(run_dir),
    ]
    if summary.next:
        sections.append(Section("Next", (Commands(summary.next),)))
    return Page(
        title=f"Training run {run_dir.resolve().name}",
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
        "complete": "Complete",
        "interrupted": "Interrupted",
        "failed": "Ended by an error",
        "running": "Still running, or killed",
    }[record.state]
    epochs = counted(record.config.epochs, "epoch")
    return (
        f"{ended}: {len(record.epochs)} of {epochs} on {images} with {boxes} of {classes}, at "
        f"{record.config.imgsz} px."
    )


def _answer(record: RunRecord, summary: Summary) -> tuple[Block, ...]:
    curves, baseline = summary.curves, summary.baseline
    mood = _MOODS[curves.kind]
    if mood == "good" and baseline.kind == "same":
        mood = "warning"
    if mood in ("good", "neutral") and baseline.kind == "worse":
        mood = "warning"
    text = f"{curves.reason} {baseline.sentence}"
    verdict = Verdict(mood, summary.headline, text, summary.advice)
    blocks: list[Block] = [verdict]
    if record.state == "failed" and record.error:
        blocks.append(Text(f"It ended by an error: {record.error}"))
    figures = _list_figures(record, summary)
    if figures:
        meanings = Details("What these figures mean", (*_explain_choice(record), *_MEANINGS))
        blocks += [Figures(tuple(figures)), meanings]
    return tuple(blocks)


def _explain_choice(record: RunRecord) -> tuple[Text, ...]:
    if record.fitness == MAP50_95:
        return ()
    what = describe_fitness(parse_fitness(record.config.fitness))
    return (Text(f"best.pt was chosen by {what}. The run ends early by the same metric."),)


def _list_figures(record: RunRecord, summary: Summary) -> list[Figure]:
    figures = []
    trained, baseline, fitness = record.best_trained, summary.baseline, record.fitness
    if baseline.kind == "new-classes":
        note = "not measured: the start did not know all classes"
        figures.append(Figure(f"{fitness} before", "-", note))
    elif baseline.before is not None:
        figures.append(Figure(f"{fitness} before", f"{baseline.before:.3f}", "the start, on val"))
    if trained is not None:
        first = {fitness: (f"{fitness} after", f"epoch {trained.epoch}, on val")}
        left_out = (fitness, "" if fitness in _FIGURES else "mAP50")  # five stand in a row
        notes = first | {name: one for name, one in _FIGURES.items() if name not in left_out}
        figures += [
            Figure(label, f"{trained.metrics[name]:.3f}", note)
            for name, (label, note) in notes.items()
            if name in trained.metrics
        ]
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
    sections = analysis_sections(analyse(iter_pairs(best), record.data.names))
    if not sections:
        return []
    which = f"epoch {best.epoch}" if best.epoch else "the start, which no epoch was better than"
    note = Text(f"This section and those up to the worst images are of best.pt: {which}.")
    first = msgspec.structs.replace(sections[0], blocks=(note, *sections[0].blocks))
    return [first, *sections[1:]]


def _list_facts(record: RunRecord, run_dir: Path) -> tuple[tuple[str, str], ...]:
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return (
        ("Folder", str(run_dir.resolve())),
        ("Data", record.data.path),
        ("Data, sha256", record.data.sha256),
        ("Weights", record.weights.path if record.weights else "none"),
        ("Started", record.started),
        ("Ended", record.ended or "-"),
        *(("Resumed", when) for when in record.resumed),
        ("Device", " ".join(filter(None, (record.device, record.precision))) or "-"),
        ("Run", record.id),
        ("Versions", versions),
    )
