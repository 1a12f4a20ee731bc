"""Draw what came of a run when it ends, however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.events import Notice, OnEvent, Phase
from yolokit.train.report.curves import draw_curves
from yolokit.train.report.end import describe_summary
from yolokit.train.report.page import REPORT_NAME, write_report
from yolokit.train.report.summary import Summary, summarize

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.train.record import RunRecord


DRAWING = "drawing the report"


def draw_result(record: RunRecord, run_dir: Path, on_event: OnEvent) -> Summary | None:
    """Write ``report.html`` and ``curves.png``, and tell the verdict.

    What fails is told, and costs nothing else: the run is done, and its record is written.

    Returns:
        What came of the run; None where no epoch was completed, or where that failed.
    """
    if not record.epochs:  # a kill between saving and reporting may have lost the only one
        return None
    on_event(Phase(DRAWING))
    curves = run_dir / "curves.png"
    drawn: list[Summary] = []

    def draw() -> None:
        draw_curves(record.epochs, run_dir.name, curves, record.fitness)

    def report() -> None:
        summary = summarize(record, run_dir)
        write_report(record, run_dir, summary)
        drawn.append(summary)

    for note in filter(None, (try_drawing(curves.name, draw), try_drawing(REPORT_NAME, report))):
        on_event(Notice(note))
    if not drawn:
        return None
    for line in describe_summary(drawn[0], run_dir / REPORT_NAME):
        on_event(Notice(line))
    return drawn[0]


def try_drawing(name: str, draw: Callable[[], None]) -> str | None:
    """Draw, and return what to tell if that fails: no training is lost to it."""
    try:
        draw()
    except Exception as error:  # noqa: BLE001 - whatever it is, hours of training are not lost to it
        kind = type(error).__name__
        return f"note: {name} was not drawn: {error} ({kind}); the run is not affected"
    return None
