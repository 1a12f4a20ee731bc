"""``yolokit predict``: boxes on images and videos."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from yolokit.core.plural import counted

if TYPE_CHECKING:
    from collections import Counter

    from yolokit.runtime.detector import Detector
    from yolokit.runtime.predict import PredictConfig, PredictJob
    from yolokit.runtime.sink import Sink

_NOTHING_READ = 3
_REASONS_SHOWN = 5


def predict(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="ONNX file, exported by yolokit or ultralytics."),
    ],
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Images, videos, folders and glob patterns of them, .txt lists of them.",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for the results; new or empty.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Write to runs/predict/NAME.  [default: MODEL]"),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="What to write: jsonl, images, video. Frames of a video become images "
            "only without video.  [default: jsonl, and images or video as the source is]",
        ),
    ] = None,
    conf: Annotated[
        float | None,
        typer.Option(metavar="SHARE", help="Lowest score to report.  [default: the model's, 0.25]"),
    ] = None,
    iou: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="Overlap above which boxes merge.  [default: the model's, 0.7]"
        ),
    ] = None,
    max_det: Annotated[
        int | None,
        typer.Option(
            "--max-det",
            "--max-count",
            metavar="N",
            help="Most boxes in one image.  [default: the model's, 300]",
        ),
    ] = None,
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
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print records to stdout; no folder unless --out, --name or --save."
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace earlier results of that name.")
    ] = False,
) -> int:
    """Find objects with an ONNX model and write boxes, pictures and videos.

    An input that cannot be read keeps its place in the results, with the reason. The exit code
    is 3 if no input at all could be read.
    """
    from yolokit.runtime.predict import check_config

    config = check_config(
        {
            "model": str(model),
            "sources": tuple(sources),
            "out": None if out is None else str(out),
            "name": name,
            "save": None if save is None else tuple(filter(None, save.split(","))),
            "conf": conf,
            "iou": iou,
            "max_det": max_det,
            "provider": provider,
            "threads": threads,
            "records_only": json,
            "overwrite": overwrite,
        }
    )
    return _run(config, json=json)


def _run(config: PredictConfig, *, json: bool) -> int:
    """Run a prediction with a progress bar, and return the exit code."""
    from yolokit.cli.output import progress, say
    from yolokit.runtime.predict import open_job

    _quiet_decoders()
    job = open_job(config)
    limits = job.detector.explain_limits(conf=config.conf, iou=config.iou, max_det=config.max_det)
    remarks = (remark for source in job.sources for remark in source.remarks)
    for reason in (*job.detector.skipped, *limits, *remarks):
        say(f"note: {reason}")
    run = job.run(_stdout_records(job.detector) if json else ())
    with progress("predicting", job.frame_count) as show, contextlib.closing(run):
        for done in run:
            show(done)
    _print_summary(job, is_last_word=not json)
    return _NOTHING_READ if job.summary.failed == job.summary.frames else 0


def _stdout_records(detector: Detector) -> list[Sink]:
    from yolokit.runtime.sinks.jsonl import JsonLines

    return [JsonLines(sys.stdout.buffer, detector.manifest.head, is_shared=True)]


def _quiet_decoders() -> None:
    """Keep OpenCV's own log off stderr: an image that it cannot decode has a record of ours."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def _say_counts(what: str, counts: Counter[str]) -> None:
    """Print the most frequent of some reasons, and how many images there are of each."""
    from yolokit.cli.output import say

    for reason, count in counts.most_common(_REASONS_SHOWN):
        say(f"{what}: {counted(count, 'image')}: {reason}")
    rest = counts.total() - sum(count for _, count in counts.most_common(_REASONS_SHOWN))
    if rest:
        say(f"{what}: {rest} more, see the records")


def _print_summary(job: PredictJob, *, is_last_word: bool) -> None:
    """Print a summary of a run; stdout gets the folder, unless it holds records."""
    from yolokit.cli.output import emit, say

    summary, detector = job.summary, job.detector
    for failure in summary.first_failures:
        say(f"not read: {failure.source} [{failure.index}]: {failure.message}")
    _say_counts("not read", summary.reasons)
    _say_counts("not written", summary.unwritten)
    _say_counts("note", summary.notes)
    failed = f", {summary.failed} not read" if summary.failed else ""
    rate = f", {summary.frames / summary.wall_s:.1f} images/s" if summary.wall_s else ""
    say(
        f"{counted(summary.frames - summary.failed, 'image')} read{failed}, "
        f"{counted(summary.detections, 'object')}{rate} on {detector.provider} "
        f"({counted(detector.threads, 'thread')})"
    )
    times_ms = {
        stage.removesuffix("_s"): time_s / max(1, summary.frames) * 1e3
        for stage, time_s in dataclasses.asdict(summary.times).items()
    }
    say("ms an image: " + ", ".join(f"{stage} {ms:.1f}" for stage, ms in times_ms.items()))
    if job.out is not None and is_last_word:
        emit(str(job.out))
    elif job.out is not None:
        say(f"results in {job.out}")
