"""The predictor: one result for every frame, in order, in bounded memory, and it always ends."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.unit.runtime.conftest import TWO_BOXES, raw_table
from yolokit.core.types import Detections, Frame, FrameError
from yolokit.errors import InferenceError, ModelOutputError
from yolokit.runtime import predictor
from yolokit.runtime.detector import Detector
from yolokit.runtime.predictor import (
    Prediction,
    Predictor,
    PredictorSpec,
    Thresholds,
)
from yolokit.runtime.run_ahead import Stop, closing_iterator
from yolokit.runtime.views import Region

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator


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


def each_frame(*sources: Source) -> Generator[tuple[Any, Frame | FrameError]]:
    for source in sources:
        with closing_iterator(source) as frames:
            for frame in frames:
                yield source, frame


def predict(detector: Detector, *sources: Source, **options: Any) -> Generator[Prediction[Source]]:
    return Predictor(detector, PredictorSpec(model="", **options)).run(each_frame(*sources))


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
    found = in_time(lambda: list(predict(detector, Source(levels))))
    assert [p.frame.index for p in found] == list(range(48))
    assert [len(p.detections) for p in found] == [2, 0, 0, 2, 0, 2] * 8
    assert [isinstance(p.frame, FrameError) for p in found] == [n is None for n in levels]


def test_equal_to_one_image_after_the_other(detector: Detector) -> None:
    levels = list(range(90, 250, 5))
    for prediction in in_time(
        lambda: list(predict(detector, Source(levels), thresholds=Thresholds(conf=0.3)))
    ):
        assert isinstance(prediction.frame, Frame)
        alone = detector(prediction.frame.bgr, conf=0.3)
        np.testing.assert_array_equal(prediction.detections.scores, alone.scores)
        np.testing.assert_array_equal(prediction.detections.xyxy, alone.xyxy)


def test_thresholds_are_passed_on(detector: Detector) -> None:
    white = Source([255])
    assert len(next(predict(detector, white, thresholds=Thresholds(conf=0.85))).detections) == 1
    assert (
        len(next(predict(detector, white, thresholds=Thresholds(conf=0.1, max_det=1))).detections)
        == 1
    )


def test_sources_follow_each_other(detector: Detector) -> None:
    sources = [Source([255, 255], "a"), Source([], "empty"), Source([0], "b")]
    found = in_time(lambda: list(predict(detector, *sources)))
    assert [(p.origin.uri, p.frame.index) for p in found] == [("a", 0), ("a", 1), ("b", 0)]


def test_memory_is_bounded_however_slow_the_caller(detector: Detector) -> None:
    source = Source(itertools.repeat(255))
    run = predict(detector, source)
    for _ in range(5):
        next(run)
        time.sleep(0.05)
    # Taken, waiting in two queues, and in the hands of two threads.
    assert source.made <= 5 + predictor._MOST_READERS + 2 * predictor._SPARE + 1
    in_time(run.close)


class TestItAlwaysEnds:
    def test_when_the_source_fails(self, detector: Detector) -> None:
        source = Source([255] * 9, error=OSError("the cable is out"))
        seen: list[Prediction[Source]] = []
        with pytest.raises(OSError, match="the cable is out"):
            in_time(lambda: seen.extend(predict(detector, source)))
        assert source.closed

    def test_when_the_source_fails_nothing_before_is_lost(self, detector: Detector) -> None:
        run = predict(detector, Source([255] * 9, error=OSError("out")))
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
        seen: list[Prediction[Source]] = []
        with pytest.raises(InferenceError, match=f"{stage} failed"):
            in_time(lambda: seen.extend(predict(detector, source)))
        assert source.closed

    def test_when_the_model_gives_nonsense(self, make_model: Any) -> None:
        table = np.full((1, 6, 2), np.nan, np.float32)
        detector = Detector.load(make_model(table), threads=1)
        with pytest.raises(ModelOutputError, match=r"\.onnx: 12 of .* NaN or infinite"):
            in_time(lambda: list(predict(detector, Source(itertools.repeat(9)))))

    @pytest.mark.parametrize("raised", [KeyboardInterrupt, ValueError, SystemExit])
    def test_when_the_caller_is_interrupted(
        self, detector: Detector, raised: type[BaseException]
    ) -> None:
        source = Source(itertools.repeat(255))

        def work() -> None:
            run = predict(detector, source)
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
            for _ in predict(detector, source):
                break

        in_time(work)
        assert source.closed

    def test_when_it_is_never_begun(self, detector: Detector) -> None:
        source = Source(itertools.repeat(255))
        in_time(predict(detector, source).close)
        assert source.made == 0

    def test_when_a_source_is_stuck(
        self, detector: Detector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(predictor, "_JOIN_S", 0.1)
        release = threading.Event()

        def stuck() -> Iterator[int]:
            yield 255
            release.wait()

        run = predict(detector, Source(stuck()))
        assert len(in_time(lambda: next(run)).detections) == 2
        in_time(run.close)  # with the reader still waiting
        release.set()


class TestStreams:
    """The model runs on several images at once, where that is fastest."""

    def test_they_are_as_many_as_the_threads_allow(self, bright_model: Path) -> None:
        counts = {
            threads: Predictor.load(PredictorSpec(model=str(bright_model), threads=threads))
            for threads in (1, 2, 6)
        }
        assert {n: one.detector.streams for n, one in counts.items()} == {1: 1, 2: 2, 6: 3}
        for_one_image = Detector.load(bright_model, threads=6)
        assert (for_one_image.streams, for_one_image.threads) == (1, 6)

    def test_images_run_at_once_and_results_keep_their_order(
        self, bright_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        detector = Detector.load(bright_model, threads=2, streams=None)
        meeting, infer = threading.Barrier(2, timeout=LIMIT_S), detector.infer

        def together(tensor: Any, **options: Any) -> Any:
            meeting.wait()
            return infer(tensor, **options)

        levels = [255, 0, 180, None, 200, 255]
        alone = in_time(lambda: list(predict(detector, Source(levels))))
        monkeypatch.setattr(detector, "infer", together)
        found = in_time(lambda: list(predict(detector, Source([*levels, 0]))))  # an even number
        assert [one.frame.index for one in found] == list(range(7))
        for one, other in zip(alone, found[:-1], strict=True):
            np.testing.assert_array_equal(one.detections.scores, other.detections.scores)


class TestBatches:
    """A dynamic batch takes as many views as the spec says; a fixed one as many as it holds."""

    @pytest.fixture
    def seen(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """The size of each batch that goes through a model."""
        sizes: list[int] = []
        infer = Detector.infer

        def note(detector: Detector, tensor: Any, **options: Any) -> Any:
            sizes.append(len(tensor))
            return infer(detector, tensor, **options)

        monkeypatch.setattr(Detector, "infer", note)
        return sizes

    @pytest.fixture
    def dynamic(self, make_model: Any) -> Detector:
        shapes = {"input_shape": ("n", 3, 64, 64), "output_shape": ("n", 6, 2)}
        return Detector.load(make_model(bright_scores=True, **shapes), threads=1)

    def test_each_frame_gets_its_own_result(self, dynamic: Detector, seen: list[int]) -> None:
        levels = [255, 0, None, 200, None, 255, 0, 255, 255, 0, 180]
        one, four = (
            in_time(partial(list, predict(dynamic, Source(levels), batch=size))) for size in (1, 4)
        )
        assert seen == [*[1] * 9, 3, 3, 3]  # a frame that cannot be read has a place, but no input
        for alone, together in zip(one, four, strict=True):
            assert alone.frame.index == together.frame.index
            np.testing.assert_array_equal(alone.detections.xyxy, together.detections.xyxy)
            np.testing.assert_array_equal(alone.detections.scores, together.detections.scores)

    def test_a_fixed_batch_is_filled(self, make_model: Any, seen: list[int]) -> None:
        table = np.repeat(TWO_BOXES, 3, axis=0)
        shapes = {"input_shape": (3, 3, 64, 64), "bright_scores": True}
        fixed = Detector.load(make_model(table, **shapes), threads=1)
        found = in_time(lambda: list(predict(fixed, Source([255, 0, 255, 255]), batch=8)))
        assert [len(one.detections) for one in found] == [2, 0, 2, 2]
        assert seen == [3, 1]

    def test_a_fixed_batch_of_one_stays_one(self, detector: Detector, seen: list[int]) -> None:
        in_time(lambda: list(predict(detector, Source([255] * 3), batch=8)))
        assert seen == [1] * 3

    def test_inputs_of_several_sizes_are_not_mixed(self, make_model: Any, seen: list[int]) -> None:
        shapes = {"input_shape": ("n", 3, "h", "w"), "output_shape": ("n", 6, 2)}
        detector = Detector.load(make_model(**shapes), threads=1)
        predictor = Predictor(detector, PredictorSpec(model="", batch=4))
        sizes_wh = [(64, 64), (64, 64), (64, 32), (64, 64)]
        frames = [
            (None, Frame(np.zeros((height, width, 3), np.uint8), index, None, "grey"))
            for index, (width, height) in enumerate(sizes_wh)
        ]
        assert len(in_time(lambda: list(predictor.run(frames)))) == 4
        assert seen == [2, 1, 1]

    def test_when_the_source_fails_nothing_before_is_lost(self, dynamic: Detector) -> None:
        run = predict(dynamic, Source([255] * 6, error=OSError("out")), batch=4)
        assert in_time(lambda: [next(run).frame.index for _ in range(6)]) == list(range(6))
        with pytest.raises(OSError, match="out"):
            in_time(lambda: next(run))


def left_and_right(image_wh: tuple[int, int]) -> list[Region]:
    """Two square tiles that overlap in the middle."""
    width, height = image_wh
    return [(0, 0, height, height), (width - height, 0, width, height)]


class TestViews:
    def test_what_two_tiles_find_is_in_pixels_of_the_image_each_object_once(
        self, make_model: Any
    ) -> None:
        # In a tile of 64 px: one box at its left edge, one at its right edge.
        boxes = raw_table([[0, 8, 24, 24], [40, 8, 64, 24]], [[0.9, 0.1], [0.8, 0.1]])
        detector = Detector.load(make_model(boxes), threads=1)
        predictor = Predictor(detector, PredictorSpec(model="", views=left_and_right))
        frame = Frame(np.zeros((64, 104, 3), np.uint8), 0, None, "wide")
        [found] = in_time(lambda: list(predictor.run([(None, frame)])))
        # The right box of the left tile is the left box of the right one, and is kept once.
        assert found.detections.xyxy.tolist() == [[0, 8, 24, 24], [40, 8, 64, 24], [80, 8, 104, 24]]
        np.testing.assert_allclose(found.detections.scores, [0.9, 0.9, 0.8])
        views, inputs = predictor.prepare(frame)
        assert [view.offset_xy for view in views] == [(0, 0), (40, 0)]
        assert [one.shape for one in inputs] == [(1, 3, 64, 64)] * 2

    def test_the_limits_hold_for_all_tiles_together(self, make_model: Any) -> None:
        boxes = raw_table([[0, 8, 24, 24], [40, 8, 64, 24]], [[0.9, 0.1], [0.8, 0.1]])
        detector = Detector.load(make_model(boxes), threads=1)
        thresholds = Thresholds(max_det=2, iou=1.0)
        spec = PredictorSpec(model="", views=left_and_right, thresholds=thresholds)
        frame = Frame(np.zeros((64, 104, 3), np.uint8), 0, None, "wide")
        [found] = in_time(lambda: list(Predictor(detector, spec).run([(None, frame)])))
        np.testing.assert_allclose(found.detections.scores, [0.9, 0.9])


class Counter:
    """A stage that counts the objects and the lost frames of a source."""

    def __init__(self) -> None:
        self._objects = self._lost = 0

    def update(self, prediction: Prediction[Any]) -> Prediction[Any]:
        self._objects += len(prediction.detections)
        self._lost += isinstance(prediction.frame, FrameError)
        return replace(prediction, facts={"objects": self._objects, "lost": self._lost})


class TestStages:
    def test_a_stage_remembers_the_frames_of_one_source(self, detector: Detector) -> None:
        sources = Source([255, None, 255], "a"), Source([0, 255], "b")
        found = in_time(lambda: list(predict(detector, *sources, stages=(Counter,), batch=2)))
        assert [tuple(one.facts.values()) for one in found] == [
            *[(2, 0), (2, 1), (4, 1)],
            *[(0, 0), (2, 0)],
        ]

    def test_they_follow_one_another(self, detector: Detector) -> None:
        class Doubt:
            def update(self, prediction: Prediction[Any]) -> Prediction[Any]:
                return replace(prediction, detections=Detections.empty())

        [found] = in_time(lambda: list(predict(detector, Source([255]), stages=(Doubt, Counter))))
        assert found.facts == {"objects": 0, "lost": 0}


def test_a_request_to_stop_ends_the_run_in_good_order(detector: Detector) -> None:
    source, stop = Source(itertools.repeat(255)), Stop()
    predictor = Predictor(detector, PredictorSpec(model=""))

    def work() -> list[int]:
        seen = []
        for prediction in predictor.run(each_frame(source), stop=stop):
            seen.append(prediction.frame.index)
            if len(seen) == 5:
                stop.request()
        return seen

    assert in_time(work) == list(range(5))
    assert stop.cut_short
    assert source.closed


def test_where_the_newest_frames_are_wanted_a_slow_caller_loses_the_others(
    detector: Detector,
) -> None:
    everything_is_read = threading.Event()

    def levels() -> Iterator[int]:
        yield from [255] * 100
        everything_is_read.set()

    run = predict(detector, Source(levels()), queue="newest")
    seen = [next(run).frame.index]
    assert everything_is_read.wait(LIMIT_S), "the source is never kept waiting"
    seen += in_time(lambda: [one.frame.index for one in run])
    assert seen == sorted(seen)
    assert seen[-1] == 99
    assert len(seen) < 20


CHILD = """
import pickle, sys
import numpy as np
from yolokit.core.types import Frame
from yolokit.runtime.predictor import Predictor

predictor = Predictor.load(pickle.loads(bytes.fromhex(sys.argv[1])))
frame = Frame(np.full((64, 64, 3), 250, np.uint8), 0, None, "grey")
[found] = predictor.run([(None, frame)])
print(found.detections.xyxy.tolist(), found.detections.scores.tolist())
"""


def test_a_worker_that_gets_the_spec_finds_the_same(bright_model: Path) -> None:
    thresholds = Thresholds(conf=0.85, iou=0.3)
    spec = PredictorSpec(model=str(bright_model), threads=1, thresholds=thresholds, batch=4)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, pickle.dumps(spec).hex()],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    frame = Frame(np.full((64, 64, 3), 250, np.uint8), 0, None, "grey")
    [found] = Predictor.load(spec).run([(None, frame)])
    assert len(found.detections) == 1
    assert done.stdout.strip() == (
        f"{found.detections.xyxy.tolist()} {found.detections.scores.tolist()}"
    )
