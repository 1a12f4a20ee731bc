"""Drawing ahead: pictures are drawn at once, and handed over in order."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from yolokit.core.types import Detections, Frame, FrameError
from yolokit.errors import DataError
from yolokit.runtime import draw_ahead as module
from yolokit.runtime.draw_ahead import draw_ahead
from yolokit.runtime.predictor import Prediction
from yolokit.runtime.stage_times import StageTimes

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 10.0


class Artist:
    """A sink whose drawing is the frame's number; it may wait, or fail at one frame."""

    draws = True

    def __init__(self, *, fail_at: int | None = None, wait: Any = None) -> None:
        self.fail_at = fail_at
        self.wait = wait
        self.drawn: list[int] = []

    def draw(self, frame: Frame, _detections: Detections) -> int:
        if self.wait is not None:
            self.wait(frame.index)
        self.drawn.append(frame.index)
        if frame.index == self.fail_at:
            raise DataError("it is too large")
        return frame.index


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 2)


def predict(count: int, *, broken: tuple[int, ...] = ()) -> Iterator[Prediction[Any]]:
    for index in range(count):
        frame: Frame | FrameError = FrameError(index, "grey", "damaged")
        if index not in broken:
            frame = Frame(np.zeros((4, 4, 3), np.uint8), index, None, "grey")
        yield Prediction(Path(), frame, Detections.empty())


def draw(count: int, artist: Any, **options: Any) -> Iterator[Any]:
    return draw_ahead(predict(count, **options), lambda _source: [artist], StageTimes())


def test_all_but_the_first_are_drawn_ahead_in_order() -> None:
    artist = Artist(wait=lambda index: time.sleep(0.005 * (index % 3)))
    found = [(one.prediction.frame.index, one.take(0)) for one in draw(12, artist)]
    assert found == [(0, None), *((index, index) for index in range(1, 12))]


def test_two_are_drawn_at_once() -> None:
    meeting = threading.Barrier(2, timeout=LIMIT_S)
    assert len(list(draw(9, Artist(wait=lambda _: meeting.wait())))) == 9


def test_a_single_image_needs_no_thread() -> None:
    artist = Artist()
    [only] = draw(1, artist)
    assert only.take(0) is None
    assert artist.drawn == []


def test_what_could_not_be_read_is_not_drawn() -> None:
    artist = Artist()
    found = [one.take(0) for one in draw(4, artist, broken=(0, 2))]
    assert found == [None, 1, None, 3]


def test_a_failure_comes_to_the_frame_that_it_is_of() -> None:
    artist = Artist(fail_at=2)
    for one in draw(4, artist):
        if one.prediction.frame.index == 2:
            with pytest.raises(DataError, match="too large"):
                one.take(0)
        else:
            one.take(0)
    assert sorted(artist.drawn) == [1, 2, 3]


def test_few_wait_however_slow_the_caller() -> None:
    taken: list[int] = []

    def count_taken() -> Iterator[Prediction[Any]]:
        for one in predict(50):
            taken.append(one.frame.index)
            yield one

    running = draw_ahead(count_taken(), lambda _source: [Artist()], StageTimes())
    for _ in range(3):
        next(running)
        time.sleep(0.05)
    assert len(taken) <= 3 + 2 + 1 + 1  # those given, two threads, one spare, one in hand
    running.close()


def test_nothing_waits_where_nobody_draws() -> None:
    artist = Artist()
    artist.draws = False
    taken: list[int] = []

    def count_taken() -> Iterator[Prediction[Any]]:
        for one in predict(9):
            taken.append(one.frame.index)
            yield one

    running = draw_ahead(count_taken(), lambda _source: [artist], StageTimes())
    for number in range(9):
        next(running)
        assert len(taken) == number + 1
    assert artist.drawn == []


def test_closing_it_leaves_no_thread() -> None:
    running = draw(50, Artist())
    next(running), next(running)
    running.close()  # type: ignore[attr-defined]
    assert not [one for one in threading.enumerate() if one.name.startswith("yolokit-draw")]
