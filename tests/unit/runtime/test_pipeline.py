"""The pipeline: a prediction for every frame, in order, in bounded memory, and it always ends."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pytest

from yolokit.core.types import Detections, Frame, FrameError
from yolokit.errors import InferenceError, ModelOutputError
from yolokit.runtime import pipeline
from yolokit.runtime.detector import Detector
from yolokit.runtime.pipeline import (
    Prediction,
    RunSummary,
    StageTimes,
    predict_frames,
    write_predictions,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from yolokit.runtime.sink import Picture

LIMIT_S = 20.0


@dataclass
class Source:
    """Grey images of the given levels; None in place of one that cannot be read."""

    levels: Any
    uri: str = "grey"
    root: Path = Path()
    count: int | None = None
    fps: None = None
    time_base: None = None
    is_live: bool = False
    remarks: tuple[str, ...] = ()
    made: int = 0
    closed: bool = False
    error: Exception | None = None

    def __iter__(self) -> Generator[Frame | FrameError]:
        try:
            for index, level in enumerate(self.levels):
                self.made += 1
                if level is None:
                    yield FrameError(index, self.uri, "damaged")
                    continue
                yield Frame(np.full((64, 64, 3), level, np.uint8), index, None, self.uri)
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


@dataclass
class Recorder:
    """A sink that notes what it is told; it may be slow, or fail at one frame."""

    fail_at: int | None = None
    delay_s: float = 0.0
    events: list[tuple[str, Any]] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.events.append(("exit", exc_info[0]))

    def begin(self, source: Any) -> None:
        self.events.append(("begin", source.uri))

    def write(
        self, frame: Frame | FrameError, detections: Detections, _picture: Picture | None = None
    ) -> None:
        if frame.index == self.fail_at:
            raise OSError("no space left")
        time.sleep(self.delay_s)
        self.events.append(("write", (frame.index, len(detections))))


@pytest.fixture
def detector(bright_model: Path) -> Detector:
    return Detector.load(bright_model, threads=1)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    deadline_s = time.monotonic() + LIMIT_S
    while left := [t.name for t in threading.enumerate() if t.name.startswith("yolokit-")]:
        assert time.monotonic() < deadline_s, left
        time.sleep(0.01)


def in_time(work: Callable[[], Any]) -> Any:
    """Run something in a thread; fail if it hangs, raise what it raises."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again below
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    assert outcome, "it hangs"
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def test_a_prediction_for_every_frame_in_order(detector: Detector) -> None:
    levels = [255, 0, None, 200, None, 255] * 8
    found = in_time(lambda: list(predict_frames(detector, [Source(levels)])))
    assert [p.frame.index for p in found] == list(range(48))
    assert [len(p.detections) for p in found] == [2, 0, 0, 2, 0, 2] * 8
    assert [isinstance(p.frame, FrameError) for p in found] == [n is None for n in levels]


def test_equal_to_one_image_after_the_other(detector: Detector) -> None:
    levels = list(range(90, 250, 5))
    predictions = in_time(lambda: list(predict_frames(detector, [Source(levels)], conf=0.3)))
    assert len(predictions) == len(levels)
    for prediction in predictions:
        assert isinstance(prediction.frame, Frame)
        alone = detector(prediction.frame.bgr, conf=0.3)
        np.testing.assert_array_equal(prediction.detections.scores, alone.scores)
        np.testing.assert_array_equal(prediction.detections.xyxy, alone.xyxy)


def test_thresholds_are_passed_on(detector: Detector) -> None:
    white = Source([255])
    assert len(next(predict_frames(detector, [white], conf=0.85)).detections) == 1
    assert len(next(predict_frames(detector, [white], conf=0.1, max_det=1)).detections) == 1


def test_sources_follow_each_other(detector: Detector) -> None:
    sources = [Source([255, 255], "a"), Source([], "empty"), Source([0], "b")]
    found = in_time(lambda: list(predict_frames(detector, sources)))
    assert [(p.source.uri, p.frame.index) for p in found] == [("a", 0), ("a", 1), ("b", 0)]


def test_memory_is_bounded_however_slow_the_caller(detector: Detector) -> None:
    source = Source(itertools.repeat(255))
    run = predict_frames(detector, [source])
    for _ in range(5):
        next(run)
        time.sleep(0.05)
    # Taken, waiting in two queues, and in the hands of two threads.
    assert source.made <= 5 + 2 * pipeline._DEPTH + 2
    in_time(run.close)


class TestItAlwaysEnds:
    def test_when_the_source_fails(self, detector: Detector) -> None:
        source = Source([255] * 9, error=OSError("the cable is out"))
        seen: list[Prediction] = []
        with pytest.raises(OSError, match="the cable is out"):
            in_time(lambda: seen.extend(predict_frames(detector, [source])))
        assert source.closed

    def test_when_the_source_fails_nothing_before_is_lost(self, detector: Detector) -> None:
        run = predict_frames(detector, [Source([255] * 9, error=OSError("out"))])
        assert in_time(lambda: [next(run).frame.index for _ in range(9)]) == list(range(9))
        with pytest.raises(OSError, match="out"):
            in_time(lambda: next(run))

    @pytest.mark.parametrize("stage", ["preprocess", "infer", "decode"])
    def test_when_a_stage_fails(
        self, detector: Detector, stage: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original, calls = getattr(detector, stage), itertools.count()

        def fail_later(*args: Any, **options: Any) -> Any:
            if next(calls) == 4:
                raise InferenceError(f"{stage} failed")
            return original(*args, **options)

        monkeypatch.setattr(detector, stage, fail_later)
        source = Source(itertools.repeat(255))
        seen: list[Prediction] = []
        with pytest.raises(InferenceError, match=f"{stage} failed"):
            in_time(lambda: seen.extend(predict_frames(detector, [source])))
        assert source.closed

    def test_when_the_model_gives_nonsense(self, make_model: Any) -> None:
        table = np.full((1, 6, 2), np.nan, np.float32)
        detector = Detector.load(make_model(table), threads=1)
        with pytest.raises(ModelOutputError, match="NaN or infinite"):
            in_time(lambda: list(predict_frames(detector, [Source(itertools.repeat(9))])))

    @pytest.mark.parametrize("raised", [KeyboardInterrupt, ValueError, SystemExit])
    def test_when_the_caller_is_interrupted(
        self, detector: Detector, raised: type[BaseException]
    ) -> None:
        source = Source(itertools.repeat(255))

        def work() -> None:
            run = predict_frames(detector, [source])
            try:
                for number, _ in enumerate(run):
                    if number == 3:
                        raise raised
            finally:
                run.close()

        with pytest.raises(raised):
            in_time(work)
        assert source.closed

    def test_when_the_caller_just_stops(self, detector: Detector) -> None:
        source = Source(itertools.repeat(255))

        def work() -> None:
            for _ in predict_frames(detector, [source]):
                break

        in_time(work)
        assert source.closed

    def test_when_it_is_never_begun(self, detector: Detector) -> None:
        source = Source(itertools.repeat(255))
        in_time(predict_frames(detector, [source]).close)
        assert source.made == 0

    def test_when_a_source_is_stuck(
        self, detector: Detector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pipeline, "_JOIN_S", 0.1)
        release = threading.Event()

        def stuck() -> Iterator[int]:
            yield 255
            release.wait()

        run = predict_frames(detector, [Source(stuck())])
        assert len(in_time(lambda: next(run)).detections) == 2
        in_time(run.close)  # with the reader still waiting
        release.set()


class TestWriting:
    def run(self, detector: Detector, sink: Recorder, *sources: Source) -> RunSummary:
        summary = RunSummary()

        def work() -> None:
            run = predict_frames(detector, sources, times=summary.times)
            try:
                with sink:
                    done = list(write_predictions(run, lambda _source: [sink], summary))
                assert done == list(range(1, summary.frames + 1))
            finally:
                run.close()

        in_time(work)
        return summary

    def test_every_sink_gets_everything_in_order(self, detector: Detector) -> None:
        sink = Recorder()
        summary = self.run(detector, sink, Source([255, None], "a"), Source([0], "b"))
        assert sink.events == [
            ("begin", "a"),
            ("write", (0, 2)),
            ("write", (1, 0)),
            ("begin", "b"),
            ("write", (0, 0)),
            ("exit", None),
        ]
        assert (summary.frames, summary.failed, summary.detections) == (3, 1, 2)
        assert [failure.message for failure in summary.first_failures] == ["damaged"]
        assert summary.wall_s > 0

    def test_only_the_first_failures_are_kept(self, detector: Detector) -> None:
        summary = self.run(detector, Recorder(), Source([None] * 100))
        assert summary.failed == 100
        assert len(summary.first_failures) == 5

    def test_a_sink_that_fails_ends_it_all(self, detector: Detector) -> None:
        source, sink = Source(itertools.repeat(255)), Recorder(fail_at=3)
        with pytest.raises(OSError, match="no space left"):
            self.run(detector, sink, source)
        assert source.closed
        assert sink.events[-1] == ("exit", OSError)

    def test_a_slow_sink_slows_the_reader(self, detector: Detector) -> None:
        source, sink = Source([255] * 12), Recorder(delay_s=0.02)
        summary = self.run(detector, sink, source)
        assert summary.frames == 12
        assert summary.times.write_s >= 12 * 0.02

    def test_busy_times_are_added_up(self, detector: Detector) -> None:
        times = self.run(detector, Recorder(), Source([255] * 5)).times
        for stage in (times.read_s, times.preprocess_s, times.infer_s, times.decode_s):
            assert 0 < stage < LIMIT_S

    def test_time_is_measured_even_if_the_stage_fails(self) -> None:
        times = StageTimes()

        def work() -> None:
            with times.measure("read_s"):
                time.sleep(0.01)
                raise KeyError

        with pytest.raises(KeyError):
            work()
        assert times.read_s >= 0.01
