"""One inference core: from frames to predictions, for every job that runs a model.

frame -> views -> micro-batch -> session -> decode -> merge -> stateful stages -> prediction

Threads work ahead of the caller: some read and prepare, and as many run the model as the detector
has streams. The caller's own thread turns outputs into detections and does with them what it
likes. Queues are short, order is kept, and an error anywhere ends all of it and reaches the caller.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

from yolokit.core.machine import usable_cores
from yolokit.core.types import Detections, Frame, FrameError
from yolokit.runtime.detector import Detector
from yolokit.runtime.run_ahead import QueuePolicy, RunAhead, Stop, closing_iterator
from yolokit.runtime.views import View, Views, merge_views, whole_image

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from typing import Self

    import numpy.typing as npt

    from yolokit.core.types import ReadFrame
    from yolokit.runtime.tasks.toolkit import Outputs

Origin = TypeVar("Origin")

_SPARE = 1  # more than are worked on, to level out uneven frames; each costs memory
_MOST_READERS = 4  # a photograph of 12 megapixels takes one longer than a small network takes all
_JOIN_S = 10.0  # a thread that is stuck in the system for longer is abandoned
_ADDING = threading.Lock()


@dataclass(frozen=True, slots=True, eq=False)
class Prediction(Generic[Origin]):
    """What was found in one image or frame.

    Attributes:
        origin: What came with the frame: its source, its labels.
        frame: The image, or why there is none.
        detections: In pixels of the image; empty where there is none.
        facts: What stateful stages add, such as a count so far, by name.
    """

    origin: Origin
    frame: Frame | FrameError
    detections: Detections
    facts: dict[str, object] = field(default_factory=dict)


class StatefulStage(Protocol):
    """Remembers the earlier frames of one origin: a tracker, a counter."""

    def update(self, prediction: Prediction[Origin]) -> Prediction[Origin]:
        """Take the prediction of the next frame, and return it with what this stage adds.

        Frames that could not be read are passed too.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Which detections count; None for the model's own.

    Attributes:
        conf: Scores below this are discarded, in [0, 1].
        iou: Overlap up to which two boxes of a class both stay.
        max_det: Most detections in one image.
        multi_label: Every class of a box that reaches ``conf`` counts, for evaluation.
        clip: Boxes are clipped to the image.
    """

    conf: float | None = None
    iou: float | None = None
    max_det: int | None = None
    multi_label: bool = False
    clip: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorSpec:
    """How to predict; it can be pickled, so that another process predicts in the same way.

    Attributes:
        model: The ONNX file.
        provider: Execution provider, or ``auto``.
        threads: Threads that run the model; None for the cores this process may use.
        precision: What a model of FP32 is computed in: ``fp32``, ``bf16`` or ``fp16``.
        streams: Most runs of the model at once, which share the threads; None for as many as are
            fastest over many images. Results do not depend on it.
        thresholds: Which detections count.
        batch: Most views in one run of a model with a dynamic batch; a fixed batch is always
            filled.
        views: The parts of an image that the model sees.
        stages: Each makes a stateful stage; every origin gets new ones, in this order.
        queue: What happens to a new frame while earlier ones still wait.
    """

    model: str
    provider: str = "auto"
    threads: int | None = None
    precision: str = "fp32"
    streams: int | None = None
    thresholds: Thresholds = Thresholds()
    batch: int = 1
    views: Views = whole_image
    stages: tuple[Callable[[], StatefulStage], ...] = ()
    queue: QueuePolicy = "block"


@dataclass(slots=True)
class StageTimes:
    """Busy time of each stage in s, in all its threads.

    Stages overlap, and so do the threads of one, so that their sum exceeds the wall time.
    """

    read_s: float = 0.0
    preprocess_s: float = 0.0
    infer_s: float = 0.0
    decode_s: float = 0.0
    write_s: float = 0.0

    @contextlib.contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to one stage, e.g. ``infer_s``."""
        start_s = time.perf_counter()
        try:
            yield
        finally:
            spent_s = time.perf_counter() - start_s
            with _ADDING:
                setattr(self, stage, getattr(self, stage) + spent_s)


@dataclass(frozen=True, slots=True, eq=False)
class _Job(Generic[Origin]):
    """One image or frame on its way; first with the input of each view, then with its outputs."""

    origin: Origin
    frame: Frame | FrameError
    views: Sequence[View] = ()
    tensors: Sequence[npt.NDArray[Any]] = ()
    outputs: Sequence[Outputs] = ()


class Predictor:
    """Runs one model over frames, one run at a time or several.

    Attributes:
        spec: How it predicts.
        detector: The loaded model.
        batch: Most views in one run of the model: its fixed batch, else that of the spec.
    """

    def __init__(self, detector: Detector, spec: PredictorSpec) -> None:
        self.spec = spec
        self.detector = detector
        self.batch = detector.manifest.io.shape[0] or spec.batch
        self._limits = detector.plan_limits(**asdict(spec.thresholds))

    @classmethod
    def load(cls, spec: PredictorSpec) -> Self:
        """Load the model; see :meth:`Detector.load` for what it raises."""
        detector = Detector.load(
            spec.model,
            provider=spec.provider,
            threads=spec.threads,
            precision=spec.precision,
            streams=spec.streams,
        )
        return cls(detector, spec)

    def run(
        self,
        frames: Iterable[tuple[Origin, Frame | FrameError | ReadFrame]],
        *,
        times: StageTimes | None = None,
        stop: Stop | None = None,
    ) -> Generator[Prediction[Origin]]:
        """Predict, with reading and inference in threads of their own.

        Args:
            frames: Images and frames, or what reads them, each with its origin. A thread takes
                them one by one, and closes a generator in the end; several read.
            times: Where to add up the busy time of the stages.
            stop: Once it is requested the run ends; frames that wait in a queue are left out.

        Yields:
            One prediction for every image or frame, in order, failed ones included. Closing the
            generator stops the threads.

        Raises:
            InferenceError: The model failed, or its output is not what it states.
        """
        times = times or StageTimes()
        readers = min(_MOST_READERS, usable_cores()) if self.spec.queue == "block" else 1
        read = RunAhead(
            self._draw_all(frames, times),
            partial(self._prepare_job, times=times),
            depth=max(readers + _SPARE, self.batch),
            name="yolokit-read",
            workers=readers,
            policy=self.spec.queue,
        )
        streams = self.detector.streams
        inferred = RunAhead(
            self._batch_all(read),
            partial(self._infer_batch, times=times),
            depth=streams + _SPARE,
            name="yolokit-infer",
            workers=streams,
            stop=stop,
        )
        try:
            yield from self._finish_all(inferred, times)
        finally:
            # All are asked before any is waited for: they wait for one another.
            for stage in (read, inferred):
                stage.stop()
            for stage in (read, inferred):
                stage.join(_JOIN_S)

    def prepare(self, frame: Frame) -> tuple[list[View], list[npt.NDArray[Any]]]:
        """Return the views of an image, and for each its input: see ``Detector.preprocess``."""
        views, tensors = [], []
        for left, top, right, bottom in self.spec.views(frame.image_wh):
            tensor, letterbox = self.detector.preprocess(frame.bgr[top:bottom, left:right])
            views.append(View((left, top), letterbox))
            tensors.append(tensor)
        return views, tensors

    def infer(self, tensors: Sequence[npt.NDArray[Any]]) -> list[Outputs]:
        """Run the model on inputs as ``prepare`` makes them, in micro-batches of one size.

        Returns:
            The outputs of each by name, without the axis of the batch.

        Raises:
            InferenceError: The provider failed, or an output is not what the model states.
        """
        outputs: list[Outputs] = []
        for _, alike in itertools.groupby(tensors, key=lambda tensor: tensor.shape):
            while batch := list(itertools.islice(alike, self.batch)):
                # A single input is not joined: that would copy it.
                joined = batch[0] if len(batch) == 1 else np.concatenate(batch)
                outputs.extend(self.detector.infer(joined, limits=self._limits))
        return outputs

    def decode(
        self, views: Sequence[View], outputs: Sequence[Outputs], image_wh: tuple[int, int]
    ) -> Detections:
        """Turn what ``prepare`` and ``infer`` returned for one image into its detections.

        Raises:
            ModelOutputError: The outputs are not what the manifest states.
        """
        own, head = self.spec.thresholds, self.detector.manifest.head
        found = [
            self.detector.decode(
                own_outputs,
                view.letterbox,
                conf=own.conf,
                iou=own.iou,
                max_det=own.max_det,
                multi_label=own.multi_label,
                clip=own.clip,
            )
            for view, own_outputs in zip(views, outputs, strict=True)
        ]
        return merge_views(
            views,
            found,
            image_wh,
            max_iou=head.iou if own.iou is None else own.iou,
            max_det=head.max_det if own.max_det is None else own.max_det,
        )

    def _draw_all(
        self, frames: Iterable[tuple[Origin, Frame | FrameError | ReadFrame]], times: StageTimes
    ) -> Generator[tuple[Origin, Frame | FrameError | ReadFrame]]:
        with closing_iterator(frames) as iterator:
            while True:
                with times.measure("read_s"):
                    item = next(iterator, None)
                if item is None:
                    return
                yield item

    def _prepare_job(
        self, item: tuple[Origin, Frame | FrameError | ReadFrame], times: StageTimes
    ) -> _Job[Origin]:
        origin, frame = item
        if callable(frame):
            with times.measure("read_s"):
                frame = frame()
        if isinstance(frame, FrameError):
            return _Job(origin, frame)
        with times.measure("preprocess_s"):
            views, tensors = self.prepare(frame)
        return _Job(origin, frame, views, tensors)

    def _batch_all(self, read: RunAhead[_Job[Origin]]) -> Iterator[list[_Job[Origin]]]:
        while jobs := read.take(self.batch):
            yield jobs

    def _infer_batch(self, jobs: list[_Job[Origin]], times: StageTimes) -> list[_Job[Origin]]:
        with times.measure("infer_s"):
            outputs = iter(self.infer([tensor for job in jobs for tensor in job.tensors]))
        return [
            _Job(
                job.origin,
                job.frame,
                job.views,
                outputs=list(itertools.islice(outputs, len(job.views))),
            )
            for job in jobs
        ]

    def _finish_all(
        self, inferred: RunAhead[list[_Job[Origin]]], times: StageTimes
    ) -> Iterator[Prediction[Origin]]:
        origin: object = object()  # unlike any other
        stages: list[StatefulStage] = []
        for job in _each_job(inferred):
            detections = Detections.empty()
            if isinstance(job.frame, Frame):
                with times.measure("decode_s"):
                    detections = self.decode(job.views, job.outputs, job.frame.image_wh)
            if job.origin is not origin:
                origin, stages = job.origin, [make() for make in self.spec.stages]
            prediction = Prediction(job.origin, job.frame, detections)
            for stage in stages:
                prediction = stage.update(prediction)
            yield prediction


def _each_job(inferred: RunAhead[list[_Job[Origin]]]) -> Iterator[_Job[Origin]]:
    while batches := inferred.take(1):
        for jobs in batches:
            yield from jobs
