"""What a person sees while a model trains: one bar, or a line an epoch without a terminal."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

from yolokit.cli.output import make_printable, say, table
from yolokit.core.events import BatchEnd, EpochEnd, Notice, Phase, Progress, StartScore
from yolokit.core.plural import counted, share
from yolokit.core.units import describe_rate, describe_seconds
from yolokit.engine_protocol.child import Started
from yolokit.metrics.fitness import describe_scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as Bar

    from yolokit.core.events import Event, OnEvent
    from yolokit.engine_protocol.training import TransferReport

_SLOW = 0.1  # images a second; below, the time of one says more


@contextlib.contextmanager
def show_progress() -> Iterator[OnEvent]:
    """Yield a function that takes the events of a training and shows them on stderr."""
    if not sys.stderr.isatty():
        yield _print_lines(Pace())
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(bar_width=24),
        rich.TextColumn("{task.percentage:>3.0f}%"),
        rich.TextColumn("{task.fields[figures]}", markup=False),
        rich.TimeElapsedColumn(),
        rich.TextColumn("{task.fields[left]}"),
    )
    with rich.Progress(*columns, console=Console(stderr=True)) as bar:
        yield _draw_bar(bar, Pace())


def _draw_bar(bar: Bar, pace: Pace) -> OnEvent:
    task = bar.add_task("starting", total=None, figures="", left="")
    scores = ""

    def show(event: Event) -> None:
        nonlocal scores
        if isinstance(event, Phase):
            bar.update(task, description=make_printable(event.name), figures="")
        elif isinstance(event, Progress):
            bar.update(task, total=event.total, completed=event.done, **_describe_share(event))
        elif isinstance(event, Notice | Started | StartScore):
            text = make_printable(_describe(event))
            bar.console.print(text, highlight=False, markup=False, soft_wrap=True)
        elif isinstance(event, BatchEnd):
            pace.note(event)
            bar.update(
                task,
                description=f"epoch {event.epoch}/{event.epochs}",
                total=event.epochs * event.batches,
                completed=(event.epoch - 1) * event.batches + event.batch,
                figures=f"{_describe_losses(event)}{scores}{pace.describe()}",
                left=pace.describe_left(event),
            )
        elif isinstance(event, EpochEnd):
            scores = _describe_scores(event)
            if event.is_last:  # which need not be the last one planned
                bar.update(task, description="training is done", total=1, completed=1, left="")

    return show


def _describe_share(event: Progress) -> dict[str, Any]:
    """Return what a bar says of a download, e.g. ``3.1 of 5.5 MB``, or of a check."""
    if event.unit != "bytes":
        return {"figures": f"{event.done:,} of {event.total:,}"}
    done = f"{event.done / 1e6:.1f}"
    figures = f"{done} of {event.total / 1e6:.1f} MB" if event.total else f"{done} MB"
    return {"description": "downloading", "figures": figures}


class Pace:
    """How fast a training goes, from the batches seen so far in this process."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._images = 0
        self._batches = 0
        self._last = (0, 0)

    def note(self, event: BatchEnd) -> None:
        """Count one batch; the first one only starts the clock, since it warms up."""
        place = (event.epoch, event.batch)
        is_first, self._last = self._began is None or place <= self._last, place
        if is_first:  # also of another run, where there are folds
            self._began, self._images, self._batches = time.monotonic(), 0, 0
            return
        self._images += event.images
        self._batches += 1

    @property
    def images_per_s(self) -> float:
        """Images a second, validation included; 0 before the second batch."""
        return self._images / self._seconds if self._images else 0.0

    def describe(self) -> str:
        """Return the pace in words, after two blanks; empty while it is unknown."""
        if not self._images:
            return ""
        if self.images_per_s < _SLOW:
            return f"  {describe_seconds(1 / self.images_per_s)} an image"
        return f"  {describe_rate(self.images_per_s, 'images')}"

    def describe_left(self, event: BatchEnd) -> str:
        """Return the time that is left in words; empty while it is unknown."""
        seconds = self.seconds_left(event)
        return "" if seconds is None else f"{describe_seconds(seconds)} left"

    def seconds_left(self, event: BatchEnd) -> float | None:
        """Time to the end of the last epoch, or None while it is unknown."""
        if not self._batches:
            return None
        done = (event.epoch - 1) * event.batches + event.batch
        return (event.epochs * event.batches - done) * self._seconds / self._batches

    @property
    def _seconds(self) -> float:
        assert self._began is not None
        return max(time.monotonic() - self._began, 1e-9)


def describe_start(report: TransferReport) -> str:
    """Return the transfer report as a table under one line, and what is frozen."""
    tensors = counted(report.tensors, "tensor")
    head = (
        f"start ({report.kind}): {share(report.transferred, tensors, 'comes', 'come')} from the "
        "weights"
    )
    rows = [
        (group.part, group.action, group.tensors, f"{group.values:,}", group.reason)
        for group in [*report.groups, *report.left]
    ]
    lines = [head, table(("part", "fate", "tensors", "values", "why"), rows)]
    if report.frozen is not None:
        lines.append(f"frozen: {_describe_layers(report.frozen)}")
    if report.unfrozen:
        fresh = _describe_layers(report.unfrozen)
        lines.append(f"not frozen, although asked for: {fresh}; fresh weights have to be trained")
    return "\n".join(lines)


def _describe_layers(indices: list[int]) -> str:
    """Return layers in short, e.g. ``layers 0-8, 10``."""
    spans: list[list[int]] = []
    for index in indices:
        if spans and index == spans[-1][-1] + 1:
            spans[-1] = [spans[-1][0], index]
        else:
            spans.append([index])
    listed = ", ".join("-".join(map(str, span)) for span in spans)
    return f"{'layer' if len(indices) == 1 else 'layers'} {listed}"


def _describe_losses(event: BatchEnd | EpochEnd) -> str:
    """Return the losses in short, e.g. ``box 1.20 cls 0.85``."""
    losses = event.losses if isinstance(event, BatchEnd) else {
        name.removeprefix("train_"): value
        for name, value in event.metrics.items()
        if name.startswith("train_")
    }  # fmt: skip
    return " ".join(f"{name.removesuffix('_loss')} {x:.2f}" for name, x in losses.items())


def _describe(event: Notice | Started | StartScore) -> str:
    """Return an event that is words alone, whatever shows it."""
    if isinstance(event, Notice):
        return event.message
    if isinstance(event, Started):
        return describe_start(event.transfer)
    scores = describe_scores(event.metrics, event.fitness, "mAP50", digits=3)
    return f"start: {scores}, on val before training"


def _describe_scores(event: EpochEnd) -> str:
    scores = describe_scores(event.metrics, event.fitness, digits=3)
    return scores and f"  {scores}"


def _print_lines(pace: Pace) -> OnEvent:
    last: BatchEnd | None = None

    def show(event: Event) -> None:
        nonlocal last
        if isinstance(event, Phase):
            say(f"{event.name} ...")
        elif isinstance(event, Notice | Started | StartScore):
            say(_describe(event))
        elif isinstance(event, BatchEnd):
            pace.note(event)
            last = event
        elif isinstance(event, EpochEnd) and last is not None:
            left = "" if event.is_last else pace.describe_left(last)
            say(
                f"epoch {event.epoch}/{event.epochs}: {_describe_losses(event)}"
                f"{_describe_scores(event)}{pace.describe()}{left and '  ' + left}"
            )

    return show
