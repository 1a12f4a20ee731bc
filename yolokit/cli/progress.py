"""What a person sees of the events of a job: words, and on a terminal one bar at a time."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from yolokit.cli.output import make_printable, say
from yolokit.core.events import Notice, Phase, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import ProgressColumn

    from yolokit.core.events import Event, OnEvent


@contextlib.contextmanager
def show_events() -> Iterator[OnEvent]:
    """Yield a function that takes the events of a job and shows them on stderr.

    Where stderr is not a terminal no bar is drawn, so that logs stay readable.
    """
    is_drawn = sys.stderr.isatty()
    drawn: tuple[str, Callable[[Progress], None]] | None = None
    with contextlib.ExitStack() as bars:

        def show(event: Event) -> None:
            nonlocal drawn
            if isinstance(event, Notice):
                say(event.message)
            elif isinstance(event, Phase):
                say(f"{event.name} ...")
            elif isinstance(event, Progress) and is_drawn:
                if drawn is None or drawn[0] != event.what:
                    bars.close()  # the bar of the part before
                    drawn = (event.what, bars.enter_context(_open_bar(event)))
                drawn[1](event)

        yield show


@contextlib.contextmanager
def _open_bar(first: Progress) -> Iterator[Callable[[Progress], None]]:
    from rich import progress as rich
    from rich.console import Console

    figures: tuple[ProgressColumn, ...] = (rich.MofNCompleteColumn(), rich.TimeElapsedColumn())
    if first.unit == "bytes":
        figures = (rich.DownloadColumn(), rich.TransferSpeedColumn())
    name = rich.TextColumn("{task.description}", markup=False)
    columns = (name, rich.BarColumn(), *figures, rich.TimeRemainingColumn())
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(make_printable(first.what), total=first.total)
        yield lambda event: bar.update(task, completed=event.done, total=event.total)
