"""``yolokit val``: how good a model is on labelled images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from yolokit.evaluate.job import ValReport
    from yolokit.evaluate.tasks.toolkit import TaskMetric


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


def metrics_table(report: ValReport, metric: TaskMetric) -> str:
    """Lay out the main figures, one row for all classes and one for each."""
    from yolokit.cli.output import table

    rows = [metric.show_row(metrics) for metrics in (report.overall, *report.classes)]
    return table(metric.COLUMNS, rows)


def _say_summary(report: ValReport, metric: TaskMetric) -> None:
    from yolokit.cli.output import say

    say(
        f"{counted(report.images, 'image')} of {report.split} in {report.wall_s:.1f} s on "
        f"{report.provider} with {counted(report.threads, 'thread')}"
    )
    if report.unreadable:
        say(f"note: images that could not be read and are not in any figure: {report.unreadable}")
    if report.extra_classes:
        say(
            "note: the data set has no labels for what the model also knows, so that was left "
            f"out: {', '.join(report.extra_classes)}"
        )
    say(metric.summarize(report.overall))
