"""From sources to predictions: reading, inference and writing overlap, in bounded memory.

Two threads work ahead of the caller: one decodes and preprocesses, one runs the model. The
caller's own thread turns outputs into detections and does with them what it likes. Queues are
short, order is kept, and an error of any stage ends all of them and reaches the caller.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yolokit.core.types import Detections, Frame, FrameError
from yolokit.errors import DataError
from yolokit.runtime.run_ahead import RunAhead
from yolokit.runtime.sink import Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from yolokit.core.types import F32, Letterbox
    from yolokit.runtime.detector import Detector
    from yolokit.runtime.sink import Sink
    from yolokit.runtime.source import FrameSource
    from yolokit.runtime.tasks.toolkit import Outputs

_DEPTH = 2  # enough to level out uneven frames; each waiting frame costs memory
_FAILURES_SHOWN = 5
_JOIN_S = 10.0  # a stage that is stuck in the system for longer is abandoned


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What was found in one image or frame.

    Attributes:
        source: The source it comes from.
        frame: The image, or why there is none.
        detections: In pixels of the image; empty where there is none.
    """

    source: FrameSource
    frame: Frame | FrameError
    detections: Detections


@dataclass(slots=True)
class StageTimes:
    """Busy time of each stage in s; stages overlap, so their sum exceeds the wall time."""

    read_s: float = 0.0
    preprocess_s: float = 0.0
    infer_s: float = 0.0
    decode_s: float = 0.0
    write_s: float = 0.0

    @contextlib.contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to one stage, e.g. ``infer_s``; one thread a stage."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, stage, getattr(self, stage) + time.perf_counter() - start_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One image or frame on its way through the stages; a FrameError has no tensor."""

    source: FrameSource
    frame: Frame | FrameError
    tensor: F32 | None = None
    letterbox: Letterbox | None = None


@dataclass(slots=True)
class RunSummary:
    """The result of a whole run.

    Attributes:
        frames: Images and frames, failed ones included.
        failed: How many of them could not be read.
        first_failures: The first few of those.
        reasons: Why the others could not, and how many for each reason.
        unwritten: Why pictures could not be written, and how many for each reason.
        notes: What is to be known of images that were read, and of how many.
        detections: How many objects were found.
        wall_s: From the first frame asked for to the last one written.
        times: Busy time of each stage.
    """

    frames: int = 0
    failed: int = 0
    first_failures: list[FrameError] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    unwritten: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    detections: int = 0
    wall_s: float = 0.0
    times: StageTimes = field(default_factory=StageTimes)

    def count(self, prediction: Prediction, picture: Picture | None) -> None:
        """Add one prediction, and whether its picture was written."""
        frame = prediction.frame
        self.frames += 1
        self.detections += len(prediction.detections)
        if picture is not None and picture.problem is not None:
            self.unwritten[picture.problem] += 1
        if not isinstance(frame, FrameError):
            if frame.note is not None:
                self.notes[frame.note] += 1
            return
        self.failed += 1
        if len(self.first_failures) < _FAILURES_SHOWN:
            self.first_failures.append(frame)
        else:
            self.reasons[frame.message] += 1


def predict_frames(
    detector: Detector,
    sources: Iterable[FrameSource],
    *,
    conf: float | None = None,
    iou: float | None = None,
    max_det: int | None = None,
    times: StageTimes | None = None,
) -> Generator[Prediction]:
    """Find objects in every image and frame of some sources.

    Args:
        detector: The model.
        sources: What to read, one after the other.
        conf: Discard scores below this, in [0, 1]; None for the model's own threshold.
        iou: Overlap up to which two boxes of a class both stay; None for the model's own.
        max_det: Most detections in one image; None for the model's own limit.
        times: Where to add up the busy time of the stages.

    Yields:
        One prediction for every image or frame, in order, failed ones included. Closing the
        generator stops the threads.

    Raises:
        InferenceError: The model failed, or its output is not what it states.
    """
    times = StageTimes() if times is None else times
    read = RunAhead(_read(detector, sources, times), depth=_DEPTH, name="yolokit-read")
    inferred = RunAhead(_infer(detector, read, times), depth=_DEPTH, name="yolokit-infer")
    try:
        for job, outputs in inferred:
            detections = Detections.empty()
            if outputs is not None and job.letterbox is not None:
                with times.measure("decode_s"):
                    detections = detector.decode(
                        outputs, job.letterbox, conf=conf, iou=iou, max_det=max_det
                    )
            yield Prediction(job.source, job.frame, detections)
    finally:
        # All are asked before any is waited for: they wait for one another.
        for stage in (read, inferred):
            stage.stop()
        for stage in (read, inferred):
            stage.join(_JOIN_S)


def write_predictions(
    predictions: Iterable[Prediction],
    sinks_for: Callable[[FrameSource], Sequence[Sink]],
    summary: RunSummary,
) -> Iterator[int]:
    """Hand every prediction to the sinks of its source.

    Args:
        predictions: What ``predict_frames`` yields.
        sinks_for: Returns the open sinks for a source.
        summary: Where to count; ``summary.times`` may be that of ``predict_frames``.

    Yields:
        The number of images and frames so far.
    """
    start_s = time.perf_counter()
    source: FrameSource | None = None
    sinks: Sequence[Sink] = ()
    for prediction in predictions:
        with summary.times.measure("write_s"):
            if prediction.source is not source:
                source = prediction.source
                sinks = sinks_for(source)
                for sink in sinks:
                    sink.begin(source)
            picture = _hand_over(prediction, sinks)
        summary.count(prediction, picture)
        summary.wall_s = time.perf_counter() - start_s
        yield summary.frames


def _hand_over(prediction: Prediction, sinks: Sequence[Sink]) -> Picture | None:
    """Give a prediction to sinks; later ones learn whether its picture was written."""
    picture: Picture | None = None
    for sink in sinks:
        try:
            picture = sink.write(prediction.frame, prediction.detections, picture) or picture
        except DataError as error:
            picture = Picture(problem=f"no picture: {error.message}")
    return picture


def _read(detector: Detector, sources: Iterable[FrameSource], times: StageTimes) -> Generator[_Job]:
    for source in sources:
        with contextlib.closing(iter(source)) as frames:
            while True:
                with times.measure("read_s"):
                    frame = next(frames, None)
                if frame is None:
                    break
                if isinstance(frame, FrameError):
                    yield _Job(source, frame)
                    continue
                with times.measure("preprocess_s"):
                    tensor, letterbox = detector.preprocess(frame.bgr)
                yield _Job(source, frame, tensor, letterbox)


def _infer(
    detector: Detector, jobs: Iterable[_Job], times: StageTimes
) -> Generator[tuple[_Job, Outputs | None]]:
    for job in jobs:
        if job.tensor is None:
            yield job, None
            continue
        with times.measure("infer_s"):
            (outputs,) = detector.infer(job.tensor)
        yield _Job(job.source, job.frame, None, job.letterbox), outputs
