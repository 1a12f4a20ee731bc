"""The report of an evaluation as a page: whether the model is good, where it is not, what next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from yolokit.core.plural import counted
from yolokit.core.units import describe_rate, describe_seconds, describe_share
from yolokit.evaluate.pages import analysis_sections
from yolokit.evaluate.words import (
    ADVICE,
    describe_certainty,
    describe_errors,
    describe_outcome,
    floor_conf,
    show_decimal,
)
from yolokit.metrics.fitness import name_recall
from yolokit.report.page import Commands, Figure, Figures, Page, Section, Table, Text, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.evaluate.analysis import Analysis
    from yolokit.evaluate.job import ValReport
    from yolokit.evaluate.trained import TrainedFigures
    from yolokit.report.page import Block

COMMAND = "yolokit val"
# Rules of thumb for the mean F1 at the best confidence.
_GOOD_F1, _FAIR_F1 = 0.8, 0.5
_WEAK = 0.75  # times the mean F1: a class below that is named
_FEWER = 0.15  # by which the share of small objects that is found lies below that of all


def make_page(report: ValReport) -> Page:
    """Return the report of an evaluation; its worst images are read to be drawn."""
    name = Path(report.model).name
    return Page(
        title=f"{COMMAND}: {name}",
        lead=f"`{name}` on {counted(report.images, 'image')} of the split `{report.split}` of "
        f"`{report.data}`.",
        sections=tuple(_make_sections(report)),
        facts=tuple(_list_facts(report)),
        made_by=f"{COMMAND} {report.yolokit_version}",
    )


def _make_sections(report: ValReport) -> Iterator[Section]:
    analysis = report.analysis
    if analysis is None or not analysis.overall.boxes:
        headline = "No image of this split has a label, so there is nothing to measure."
        yield Section("In short", (Verdict("warning", headline),))
    else:
        yield Section("In short", (_judge(analysis), _show_figures(report, analysis)))
        yield from analysis_sections(analysis)
    if report.trained is not None:
        yield Section("Beside the training run", tuple(_compare(report, report.trained)))
    notes = list(_list_notes(report))
    if notes:
        yield Section("Notes", tuple(Text(note) for note in notes))
    yield Section("What to do next", (Commands(tuple(_list_commands(report))),))


def _judge(analysis: Analysis) -> Verdict:
    f1 = analysis.overall.f1 or 0
    outcome = describe_outcome(analysis)
    if f1 >= _GOOD_F1:
        mood, word = "good", "It works well"
    elif f1 >= _FAIR_F1:
        mood, word = "warning", "It works, with many errors"
    else:
        mood, word = "bad", "It does not work yet"
    return Verdict(
        mood,  # type: ignore[arg-type]
        f"{word}: at confidence {floor_conf(analysis.conf)} it {outcome}.",
        describe_certainty(analysis),
        tuple(_advise(analysis)),
    )


def _advise(analysis: Analysis) -> Iterator[str]:
    if (analysis.overall.f1 or 0) < _FAIR_F1:
        yield (
            "Train longer, on more pictures, or from weights that know something already; are the "
            "labels right, and do these pictures look like those of training?"
        )
    known = [one for one in analysis.curves if one.boxes]
    weakest = min(known, key=lambda one: one.f1 or 0)
    if (weakest.f1 or 0) < _WEAK * (analysis.overall.f1 or 0):
        yield (
            f"{weakest.name} does worst: F1 {weakest.f1:.2f}, and {analysis.overall.f1:.2f} over "
            "all classes. More pictures of it help most."
        )
    worst = analysis.errors[0]
    if worst.count and worst.f1_gain:
        yield ADVICE[worst.kind]
    small = analysis.sizes[0]
    share = analysis.overall.right / analysis.overall.boxes
    if small.boxes and worst.kind != "missed" and share - small.right / small.boxes > _FEWER:
        yield (
            f"Small objects are found less often ({describe_share(small.right, small.boxes)} of "
            f"{small.boxes}) than all ({describe_share(share, 1)}): try a larger "
            "`yolokit train --imgsz`."
        )
    unseen = [one.name for one in analysis.curves if not one.boxes]
    if unseen:
        yield (
            f"Nothing is known about {', '.join(unseen)}: these images have no label of it. Label "
            "some, or take another split."
        )


def _show_figures(report: ValReport, analysis: Analysis) -> Figures:
    overall = analysis.overall
    return Figures(
        (
            Figure(
                "Objects found",
                describe_share(overall.right, overall.boxes),
                f"{overall.right} of {overall.boxes}",
            ),
            Figure(
                "Boxes that are right",
                describe_share(overall.right, overall.found),
                f"{overall.right} of {overall.found}",
            ),
            Figure(
                "mAP50-95", show_decimal(report.overall.map50_95), "COCO's main figure; 1 is best"
            ),
            Figure("mAP50", show_decimal(report.overall.map50), "loose boxes allowed; 1 is best"),
            *(
                Figure(name_recall(share), show_decimal(recall), f"at precision {share} or more")
                for share, recall in (report.overall.recall_at or {}).items()
            ),
            Figure(
                "Errors",
                str(sum(one.count for one in analysis.errors)),
                describe_errors(analysis) or "none",
            ),
        )
    )


def _compare(report: ValReport, trained: TrainedFigures) -> Iterator[Block]:
    when = f"epoch {trained.epoch}" if trained.epoch else "the start"
    pairs = (
        ("mAP50", trained.map50, report.overall.map50),
        ("mAP50-95", trained.map50_95, report.overall.map50_95),
        *(
            (name_recall(share), recall, (report.overall.recall_at or {}).get(share))
            for share, recall in trained.recall_at.items()
        ),
    )
    yield Table(
        ("", "In training", "This file", "Difference"),
        tuple(
            (
                name,
                f"{before:.3f}",
                show_decimal(now),
                "-" if now is None else f"{now - before:+.3f}",
            )
            for name, before, now in pairs
        ),
        f"The same split with the same labels: {when} of the training run ({trained.weights}), and "
        "the exported file",
    )
    yield Text(explain_difference(report, trained))


def explain_difference(report: ValReport, trained: TrainedFigures) -> str:
    """Return what a difference between training's figures and the file's comes from, in words."""
    if trained.validation == "deployed":
        return _explain_same(report)
    size = "one size" if report.input_wh is None else "{} x {} px".format(*report.input_wh)
    text = (
        "This run was trained by an earlier version, which measured with rectangles: each image "
        f"got only as much border as its row of images needed. The file takes {size}, whatever the "
        "image, as it will when it is used. And it averaged precision by another rule than COCO's. "
        "So the right column is what to expect."
    )
    deployed = _find_precision(report)
    if trained.precision and deployed and trained.precision != deployed:
        text += f" Training also computed in {trained.precision}, the file in {deployed}."
    return text


def _explain_same(report: ValReport) -> str:
    text = (
        "Training measures each epoch as the file is measured: the same square input, overlap "
        "limit and rule of counting, with the weights as best.pt has them. At the size that it was "
        "trained with, the two differ by 0.002 at most"
    )
    deployed = _find_precision(report)
    if deployed not in (None, "fp32"):
        text += f"; the file was computed in {deployed}, which may add to that"
    return (
        f"{text}. A larger difference comes from other options of the export, such as its size, or "
        "of this measurement."
    )


def _find_precision(report: ValReport) -> str | None:
    """Return what was computed in: the provider's precision where that is below FP32."""
    return report.precision if report.computed_in in (None, "fp32") else report.computed_in


def _list_notes(report: ValReport) -> Iterator[str]:
    yield from report.notes
    yield from report.limits
    if report.unreadable:
        yield f"{counted(report.unreadable, 'image')} could not be read: in no figure."
    if report.extra_classes:
        yield (
            "The model also knows classes that the data set has no labels for; what it found of "
            f"them was left out: {', '.join(report.extra_classes)}."
        )


def _list_commands(report: ValReport) -> Iterator[tuple[str, str]]:
    model, data = shlex.quote(report.model), shlex.quote(report.data)
    conf, analysis = report.overall.conf, report.analysis
    if conf is not None and analysis is not None and analysis.overall.right:
        yield (
            f"yolokit predict {model} IMAGES --conf {floor_conf(conf)}",
            "use it on your own pictures or videos, at the confidence that serves best",
        )
    yield (
        f"yolokit data check {data} --model {model}",
        "look for labels that may be wrong: where the model and a label disagree",
    )


def _list_facts(report: ValReport) -> Iterator[tuple[str, str]]:
    rate = describe_rate(report.images / report.wall_s, "images") if report.wall_s else "-"
    yield "Model", f"{report.model}, sha256 {report.model_sha256}"
    yield "Data", f"{report.data}, split {report.split}"
    how = f" in {report.computed_in}" if report.computed_in else ""
    yield "Ran on", f"{report.provider}{how}, {counted(report.threads, 'thread')}"
    yield "Time", f"{describe_seconds(report.wall_s)} ({rate}, reading included)"
    most = counted(report.max_det, "box", "boxes")
    limits = f"overlap limit {report.iou:g}, at most {most} an image"
    yield "Counted from", f"confidence {report.conf:g}, {limits}"
