"""What a job tells while it runs: one small set of events, which every job hands to ``on_event``.

The command line draws them, a program may do as it likes with them. They come in order, in the
thread that runs the job, and an error in ``on_event`` ends the job; a training that ends so can be
resumed. :class:`StopTraining` ends one as complete. What a child process tells its parent is of the
same kind (``engine_protocol/child.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec


class Event(msgspec.Struct, frozen=True, tag_field="event"):
    """Base of all events."""


class Phase(Event, frozen=True, tag="phase"):
    """A new part of the job began that takes a while, e.g. ``tracing the model``."""

    name: str


class Notice(Event, frozen=True, tag="notice"):
    """Something that a person should know, in a sentence."""

    message: str


class Progress(Event, frozen=True, tag="progress"):
    """How far a part of the job has come.

    ``what`` names the part, e.g. ``converting``; a download is called after its file. A total that
    is not known is None.
    """

    what: str
    done: int
    total: int | None
    unit: Literal["images", "bytes", "turns", "modules"] = "images"


class StartScore(Event, frozen=True, tag="start-score"):
    """The model to start from was validated before any training; metrics as in ``run.json``.

    ``fitness`` is the name of the metric that it and all epochs are judged by.
    """

    metrics: dict[str, float]
    seconds: float
    fitness: str = "mAP50-95"


class BatchEnd(Event, frozen=True, tag="batch"):
    """One batch is done; losses are running means of the epoch, ``images`` those of the batch."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    images: int
    losses: dict[str, float]


class EpochEnd(Event, frozen=True, tag="epoch"):
    """One epoch is done and its checkpoint is on disk; metrics as in ``run.json``.

    Attributes:
        steps: How many optimizer steps it made.
        is_last: Whether training ends with it.
        wait_s: Of ``seconds``, those in which training waited for images; None if not measured.
        val_s: Of ``seconds``, those of its validation, likewise.
        retries: How often it was trained once more, because it had ended in NaN or infinity.
        fitness: Name of the metric that epochs are judged by.
        images: How many the network was shown, on all processes together.
        threads: Threads that computed at its end; None on another device than a CPU.
        memory_bytes: Resident memory at its end, of the processes that load images as well; None
            if not measured.
    """

    epoch: int
    epochs: int
    metrics: dict[str, float]
    seconds: float
    steps: int
    is_last: bool
    wait_s: float | None = None
    val_s: float | None = None
    retries: int = 0
    fitness: str = "mAP50-95"
    images: int | None = None
    threads: int | None = None
    memory_bytes: int | None = None


class StopTraining(Exception):  # noqa: N818 - like StopIteration, a wish and no error
    """What ``on_event`` raises to end a training as if its epochs were done.

    The epoch in progress is dropped, and the run is complete: checkpoints, record and report are
    there as of the last whole epoch. Its text goes into the record as the reason.
    """


OnEvent: TypeAlias = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Do nothing: what a job without a listener calls."""
