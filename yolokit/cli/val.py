"""``yolokit val``: how good a model is on labelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from yolokit.core.plural import counted
from yolokit.core.units import describe_rate, describe_seconds

if TYPE_CHECKING:
    from yolokit.evaluate.job import ValReport
    from yolokit.evaluate.tasks.toolkit import TaskMetric


def val(ctx: typer.Context) -> None:
    """Measure a model on labelled images, class by class.

    Prints COCO's mAP (1 is perfect), and precision P and recall R at the confidence that serves
    all classes best: which share of the boxes is right, and which share of the objects is
    found. All figures go to runs/val/NAME/metrics.json; --report makes a page of them that
    shows what goes wrong. Classes are matched by name. An image that cannot be read is an
    error, not a gap, unless --allow says otherwise.
    """
    from yolokit.cli.output import emit, emit_json, say
    from yolokit.cli.progress import show_events
    from yolokit.evaluate.config import ValConfig
    from yolokit.evaluate.job import validate_model
    from yolokit.evaluate.tasks.toolkit import load_metric

    config = ValConfig.build(ctx.obj)
    with show_events() as on_event:
        run = validate_model(config, on_event)
    metric = load_metric(run.task)
    _say_summary(run.report, metric)
    if config.report_only:
        import msgspec

        emit_json(msgspec.to_builtins(run.report))
    else:
        emit(metrics_table(run.report, metric))
    if run.path is not None:
        say(f"all figures: {run.path}")
    if run.page is not None:
        say(f"report: {run.page}")
    else:
        say("for curves, confusion and the worst images on a page: --report")


def metrics_table(report: ValReport, metric: TaskMetric) -> str:
    """Lay out the main figures, one row for all classes and one for each."""
    from yolokit.cli.output import table

    rows = [metric.show_row(metrics) for metrics in (report.overall, *report.classes)]
    return table(metric.COLUMNS, rows)


def _say_summary(report: ValReport, metric: TaskMetric) -> None:
    from yolokit.cli.output import describe_precision, say
    from yolokit.evaluate.words import describe_errors, describe_outcome
    from yolokit.metrics.fitness import explain_recall, name_recall

    rate = describe_rate(report.images / report.wall_s, "images")
    computed = describe_precision(report.precision, report.computed_in)
    say(
        f"{counted(report.images, 'image')} of {report.split} in "
        f"{describe_seconds(report.wall_s)} ({rate}) on {report.provider} "
        f"{computed} with {counted(report.threads, 'thread')}"
    )
    if report.unreadable:
        say(f"note: images that could not be read and are not in any figure: {report.unreadable}")
    if report.extra_classes:
        say(
            "note: the data set has no labels for what the model also knows, so that was left "
            f"out: {', '.join(report.extra_classes)}"
        )
    for share, recall in (report.overall.recall_at or {}).items():
        say(f"{name_recall(share)} {recall:.3f}: {explain_recall(share)}")
    say(metric.summarize(report.overall))
    analysis = report.analysis
    if analysis is None or not analysis.overall.boxes:
        return
    say(f"at that confidence the model {describe_outcome(analysis)}")
    errors = describe_errors(analysis)
    if errors:
        say(f"errors: {errors}; those that cost most come first")
