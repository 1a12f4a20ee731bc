"""Draw and encode pictures in threads of their own, a few predictions ahead of what is written."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from yolokit.core.machine import usable_cores
from yolokit.core.types import FrameError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import Future, ThreadPoolExecutor

    from yolokit.core.types import Detections, Frame
    from yolokit.runtime.predictor import Prediction
    from yolokit.runtime.sink import Sink
    from yolokit.runtime.source import FrameSource
    from yolokit.runtime.stage_times import StageTimes

_MOST_THREADS = 4
_SPARE = 1  # drawn and not yet written


@dataclass(frozen=True, slots=True)
class Drawn:
    """A prediction on its way to its sinks.

    Attributes:
        prediction: What was found.
        sinks: Who gets it.
        drawing: What some of the sinks make of it, by their place among them.
    """

    prediction: Prediction[FrameSource]
    sinks: Sequence[Sink]
    drawing: dict[int, Future[Any]] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether all is drawn."""
        return all(one.done() for one in self.drawing.values())

    def wait(self) -> None:
        """Wait until all is drawn, or has failed."""
        for one in self.drawing.values():
            one.exception()

    def take(self, number: int) -> Any:
        """Wait for what a sink has drawn, and return it; None where it has drawn nothing yet.

        Raises:
            DataError: It cannot be drawn.
        """
        future = self.drawing.get(number)
        return None if future is None else future.result()


def draw_ahead(
    predictions: Iterable[Prediction[FrameSource]],
    sinks_for: Callable[[FrameSource], Sequence[Sink]],
    times: StageTimes,
) -> Generator[Drawn]:
    """Let the sinks draw while the caller takes, in order, what is drawn.

    The first prediction is left to the caller, so that a single image needs no threads. A
    prediction that nobody draws waits for none of those after it.
    """
    threads = min(_MOST_THREADS, usable_cores())
    waiting: deque[Drawn] = deque()
    with contextlib.ExitStack() as stack:
        pool: ThreadPoolExecutor | None = None
        for number, prediction in enumerate(predictions):
            if number == 1:
                pool = stack.enter_context(_open_pool(threads))
            waiting.append(_begin(prediction, sinks_for(prediction.origin), pool, times))
            while waiting and (waiting[0].is_done or len(waiting) > threads + _SPARE):
                yield waiting.popleft()
        yield from waiting


def _open_pool(threads: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(threads, thread_name_prefix="yolokit-draw")


def _begin(
    prediction: Prediction[FrameSource],
    sinks: Sequence[Sink],
    pool: ThreadPoolExecutor | None,
    times: StageTimes,
) -> Drawn:
    drawing: dict[int, Future[Any]] = {}
    if pool is not None and not isinstance(prediction.frame, FrameError):
        for number, sink in enumerate(sinks):
            if sink.draws:
                work = partial(_draw, sink, prediction.frame, prediction.detections, times)
                drawing[number] = pool.submit(work)
    return Drawn(prediction, sinks, drawing)


def _draw(sink: Sink, frame: Frame, detections: Detections, times: StageTimes) -> Any:
    with times.measure("write_s"):
        return sink.draw(frame, detections)
