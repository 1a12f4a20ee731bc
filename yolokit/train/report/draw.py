"""Draw what came of a run when it ends, however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.core.events import Notice, OnEvent, Phase
from yolokit.train.report.curves import draw_curves
from yolokit.train.report.end import describe_summary
from yolokit.train.report.page import write_report
from yolokit.train.report.summary import Summary, summarize

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from yolokit.train.record import RunRecord


def draw_result(record: RunRecord, run_dir: Path, on_event: OnEvent) -> Summary | None:
    """Write ``report.html`` and ``curves.png``, and tell the verdict.

    What fails is told, and costs nothing else: the run is done, and its record is written.

    Returns:
        What came of the run; None where no epoch was completed, or where that failed.
    """
    if not record.epochs:  # a kill between saving and reporting may have lost the only one
        return None
    on_event(Phase("drawing the report"))
    drawn: list[Summary] = []

    def report() -> None:
        summary = summarize(record, run_dir)
        path = write_report(record, run_dir, summary)
        drawn.append(summary)
        for line in describe_summary(summary, path):
            on_event(Notice(line))

    _try("curves.png", lambda: draw_curves(record.epochs, run_dir.name, run_dir / "curves.png"),
         on_event)  # fmt: skip
    _try("report.html", report, on_event)
    return drawn[0] if drawn else None


def _try(name: str, draw: Callable[[], None], on_event: OnEvent) -> None:
    try:
        draw()
    except Exception as error:  # noqa: BLE001 - whatever it is, hours of training are not lost to it
        kind = type(error).__name__
        on_event(Notice(f"note: {name} was not drawn: {error} ({kind}); the run is not affected"))
