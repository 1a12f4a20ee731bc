"""What a person sees of the events of a job: words, and on a terminal one bar at a time."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Self

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
    with _Bars() as bars:

        def show(event: Event) -> None:
            if isinstance(event, Notice):
                say(event.message)
            elif isinstance(event, Phase):
                say(f"{event.name} ...")
            elif isinstance(event, Progress):
                bars.show(event)

        yield show


class _Bars:
    """One progress bar after another, each for a part of the job."""

    def __init__(self) -> None:
        self._is_drawn = sys.stderr.isatty()
        self._stack = contextlib.ExitStack()
        self._what: str | None = None
        self._update: Callable[[Progress], None]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def show(self, event: Progress) -> None:
        """Show how far a part has come, in place of the part before."""
        if not self._is_drawn:
            return
        if event.what != self._what:
            self._what = event.what
            self._stack.close()
            self._update = self._stack.enter_context(_open_bar(event))
        self._update(event)


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
