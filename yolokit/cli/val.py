"""``yolokit val``: how good a model is on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from yolokit.evaluate.job import ValReport
    from yolokit.evaluate.tasks.toolkit import TaskMetric


def val(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="ONNX file, exported by yolokit or ultralytics."),
    ],
    data: Annotated[
        Path, typer.Option(metavar="FILE", help="Data set: its data.yaml, or its folder.")
    ],
    split: Annotated[
        str, typer.Option(metavar="NAME", help="Split to measure on: val, test or train.")
    ] = "val",
    conf: Annotated[
        float,
        typer.Option(metavar="SHARE", help="Lowest score that counts; metrics need nearly all."),
    ] = 0.001,
    iou: Annotated[
        float, typer.Option(metavar="SHARE", help="Overlap above which boxes merge.")
    ] = 0.7,
    max_det: Annotated[
        int,
        typer.Option("--max-det", "--max-count", metavar="N", help="Most boxes in one image."),
    ] = 300,
    provider: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Runs the model: auto, cpu, cuda, tensorrt, openvino, coreml, directml, ...",
        ),
    ] = "auto",
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", help="Threads for the model.  [default: all usable cores]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for metrics.json.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Write to runs/val/NAME.  [default: MODEL-SPLIT]"),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CODE", help="Leave out, instead of failing: unusable-images. Repeatable."
        ),
    ] = None,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print one JSON object to stdout; no file unless --out or --name."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a metrics.json that is there.")
    ] = False,
) -> None:
    """Measure a model on labelled images, class by class.

    Prints COCO's mAP, and precision and recall at the confidence with the best mean F1; all
    figures go to runs/val/NAME/metrics.json. Classes are matched by name. An image that cannot
    be read is an error, not a gap, unless --allow says otherwise.
    """
    from yolokit.cli.output import emit, emit_json, progress, say
    from yolokit.evaluate.job import check_config, open_job, write_report

    config = check_config(
        {
            "model": str(model),
            "data": str(data),
            "split": split,
            "conf": conf,
            "iou": iou,
            "max_det": max_det,
            "provider": provider,
            "threads": threads,
            "out": None if out is None else str(out),
            "name": name,
            "allow": tuple(allow or ()),
            "report_only": json,
            "overwrite": overwrite,
        }
    )
    job = open_job(config)
    for note in (*job.notes, *job.detector.skipped):
        say(f"note: {note}")
    for limit in job.limits:
        say(f"note: {limit}; the figures do not include what that leaves out")
    with progress("evaluating", job.image_count) as show:
        report = job.run(show)
    _say_summary(report, job.metric)
    path = write_report(report, config)
    if json:
        import msgspec

        emit_json(msgspec.to_builtins(report))
    else:
        emit(metrics_table(report, job.metric))
    if path is not None:
        say(f"all figures: {path}")


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
