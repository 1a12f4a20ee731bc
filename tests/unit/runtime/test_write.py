"""What a prediction writes: every frame to its sinks, and the account of a run."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pytest

from tests.unit.runtime.test_predictor import LIMIT_S, Source, each_frame, in_time
from yolokit.runtime.detector import Detector
from yolokit.runtime.predictor import Predictor, PredictorSpec
from yolokit.runtime.write import RunSummary, write_predictions

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import Detections, Frame, FrameError
    from yolokit.runtime.sink import Picture


@dataclass
class Recorder:
    """A sink that notes what it is told; it may be slow, or fail at one frame."""

    fail_at: int | None = None
    delay_s: float = 0.0
    events: list[tuple[str, Any]] = field(default_factory=list)
    draws: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.events.append(("exit", exc_info[0]))

    def begin(self, source: Any) -> None:
        self.events.append(("begin", source.uri))

    def draw(self, frame: Frame, detections: Detections) -> None:
        raise AssertionError("it does not draw")

    def write(
        self,
        frame: Frame | FrameError,
        detections: Detections,
        _picture: Picture | None = None,
        _drawn: Any = None,
    ) -> None:
        if frame.index == self.fail_at:
            raise OSError("no space left")
        time.sleep(self.delay_s)
        self.events.append(("write", (frame.index, len(detections))))


@pytest.fixture
def detector(bright_model: Path) -> Detector:
    return Detector.load(bright_model, threads=1)


class TestWriting:
    def run(self, detector: Detector, sink: Recorder, *sources: Source) -> RunSummary:
        summary = RunSummary()

        def work() -> None:
            predictor = Predictor(detector, PredictorSpec(model=""))
            run = predictor.run(each_frame(*sources), times=summary.times)
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
