"""``yolokit val``: how good a model is on labelled images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import typer

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from yolokit.evaluate.coco import BoxMetrics
    from yolokit.evaluate.job import ValReport


def val(ctx: typer.Context) -> None:
    """Measure a model on labelled images, class by class.

    Prints COCO's mAP, and precision and recall at the confidence with the best mean F1; all
    figures go to runs/val/NAME/metrics.json. Classes are matched by name. An image that cannot
    be read is an error, not a gap, unless --allow says otherwise.
    """
    from yolokit.cli.output import emit, emit_json, say
    from yolokit.cli.progress import show_events
    from yolokit.evaluate.config import ValConfig
    from yolokit.evaluate.job import validate_model

    config = ValConfig.build(ctx.obj)
    with show_events() as on_event:
        run = validate_model(config, on_event)
    _say_summary(run.report)
    if config.report_only:
        import msgspec

        emit_json(msgspec.to_builtins(run.report))
    else:
        emit(metrics_table(run.report))
    if run.path is not None:
        say(f"all figures: {run.path}")


def metrics_table(report: ValReport) -> str:
    """Lay out the main figures, one row for all classes and one for each."""
    from yolokit.cli.output import table

    head = ("class", "images", "boxes", "P", "R", "mAP50", "mAP50-95")
    return table(head, [_row(metrics) for metrics in (report.overall, *report.classes)])


def _row(metrics: BoxMetrics) -> tuple[object, ...]:
    shares = (metrics.precision, metrics.recall, metrics.map50, metrics.map50_95)
    cells = ("-" if share is None else f"{share:.3f}" for share in shares)
    return (metrics.name, metrics.images, metrics.boxes, *cells)


def _say_summary(report: ValReport) -> None:
    from yolokit.cli.output import say

    say(
        f"{counted(report.images, 'image')} of {report.split} in {report.wall_s:.1f} s on "
        f"{report.provider} with {counted(report.threads, 'thread')}"
    )
    if report.unreadable:
        say(f"note: images that could not be read and are in no figure: {report.unreadable}")
    if report.extra_classes:
        say(
            "note: the data set has no labels for what the model also knows, so that was left "
            f"out: {', '.join(report.extra_classes)}"
        )
    overall = report.overall
    if overall.conf is None or overall.f1 is None:
        say("note: no image of this split has a label, so there is nothing to measure")
        return
    # Rounded down: a --conf of this figure keeps every box that was counted.
    shown = math.floor(overall.conf * 1000) / 1000
    say(f"P and R at confidence {shown:.3f}, where the mean F1 is best: {overall.f1:.3f}")
