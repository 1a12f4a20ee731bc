"""``yolokit predict``: boxes on images and videos."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING

import typer

from yolokit.core.plural import counted, share

if TYPE_CHECKING:
    from collections import Counter

    from yolokit.runtime.detector import Detector
    from yolokit.runtime.predict import PredictRun
    from yolokit.runtime.sink import Sink

_NOTHING_READ = 3
_REASONS_SHOWN = 5
_CLASSES_SHOWN = 10


def predict(ctx: typer.Context) -> int:
    """Find objects in images and videos with an ONNX model.

    Writes boxes as lines of JSON, and pictures and videos with the boxes drawn. An input that
    cannot be read keeps its place in the results, with the reason. What `yolokit bench` or `yolokit
    optimize` found best here runs the model, unless you name a provider, precision or threads. The
    exit code is 3 if no input at all could be read.
    """
    from yolokit.cli.progress import show_events
    from yolokit.cli.signals import stopping_softly
    from yolokit.runtime.config import PredictConfig
    from yolokit.runtime.predict import predict_files

    given = dict(ctx.obj)
    if "save" in given:
        given["save"] = [name for text in given["save"] for name in text.split(",") if name]
    config = PredictConfig.build(given)
    _quiet_decoders()
    with show_events() as on_event:
        run = predict_files(
            config,
            on_event,
            open_more=_stdout_records if config.records_only else None,
            listen=stopping_softly,
        )
    _print_summary(run, is_last_word=not config.records_only)
    if run.summary.is_partial:
        raise KeyboardInterrupt
    return _NOTHING_READ if run.summary.failed == run.summary.frames else 0


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


def _describe_conf(run: PredictRun) -> str:
    return "from each class's score up" if run.class_conf else f"from score {run.conf:.3g} up"


def _list_class_conf(run: PredictRun) -> str:
    """Return the score of each class, or of the first ones and how many there are."""
    listed = [f"{name} {conf:g}" for name, conf in run.class_conf.items()]
    rest = len(listed) - _CLASSES_SHOWN
    more = f", and of {counted(rest, 'more class', 'more classes')}" if rest > 0 else ""
    return ", ".join(listed[:_CLASSES_SHOWN]) + more


def _print_summary(run: PredictRun, *, is_last_word: bool) -> None:
    """Print a summary of a run; stdout gets the folder, unless it holds records."""
    from yolokit.cli.output import describe_precision, emit, say
    from yolokit.runtime.write import PARTIAL

    summary = run.summary
    for failure in summary.first_failures:
        say(f"not read: {failure.source} [{failure.index}]: {failure.message}")
    _say_counts("not read", summary.reasons)
    _say_counts("not written", summary.unwritten)
    _say_counts("note", summary.notes)
    failed = f", {summary.failed} not read" if summary.failed else ""
    rate = f", {summary.frames / summary.wall_s:.1f} images/s" if summary.wall_s else ""
    say(
        f"{counted(summary.frames - summary.failed, 'image')} read{failed}, "
        f"{counted(summary.detections, 'object')} {_describe_conf(run)}{rate} "
        f"on {run.provider} {describe_precision(run.file_precision, run.precision)} "
        f"({counted(run.threads, 'thread')})"
    )
    if run.class_conf:
        say(f"scores from the model: {_list_class_conf(run)}; --conf sets one for all classes")
    times_ms = {
        stage.removesuffix("_s"): time_s / max(1, summary.frames) * 1e3
        for stage, time_s in dataclasses.asdict(summary.times).items()
    }
    stages = ", ".join(f"{stage} {ms:.1f}" for stage, ms in times_ms.items())
    say(f"busy ms an image, in all threads: {stages} (they overlap)")
    if summary.is_partial:
        done, expected = counted(summary.frames, "image is", "images are"), summary.frames_expected
        if expected is not None:
            done = share(summary.frames, counted(expected, "image"), "is", "are")
        mark = f", as {PARTIAL} beside the results says" if run.out is not None else ""
        say(f"stopped early: {done} done{mark}")
    if run.out is not None and is_last_word:
        emit(str(run.out))
    elif run.out is not None:
        say(f"results in {run.out}")
