"""Running ahead: order, bounds, errors in their place, and an end under all circumstances."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from yolokit.runtime.run_ahead import RunAhead, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 10.0


def take_all(stage: RunAhead[Any]) -> list[Any]:
    return list(iterate(stage))


def iterate(stage: RunAhead[Any]) -> Iterator[Any]:
    while taken := stage.take(1):
        yield taken[0]


def ended(*stages: RunAhead[Any]) -> bool:
    for stage in stages:
        stage.stop()
    return all(stage.join(LIMIT_S) for stage in stages)


def wait_until_steady(made: list[int]) -> None:
    count = -1
    while count != len(made):
        count = len(made)
        time.sleep(0.05)


def test_order_is_kept() -> None:
    stage = RunAhead(range(200), depth=3, name="test")
    assert take_all(stage) == list(range(200))
    assert ended(stage)


def test_after_the_end_it_stays_ended() -> None:
    stage = RunAhead(range(1), depth=3, name="test")
    assert take_all(stage) == [0]
    assert take_all(stage) == []


def test_it_works_in_a_thread_of_that_name() -> None:
    stage = RunAhead((threading.current_thread().name for _ in range(1)), depth=1, name="mill")
    assert take_all(stage) == ["mill"]


def test_never_more_than_depth_items_wait() -> None:
    made: list[int] = []

    def produce() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    stage = RunAhead(produce(), depth=3, name="test")
    wait_until_steady(made)
    assert len(made) == 3
    stage.take(1)
    wait_until_steady(made)
    assert len(made) == 4
    assert ended(stage)


def test_an_error_comes_after_the_items_before_it() -> None:
    def produce() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    stage = RunAhead(produce(), depth=5, name="test")
    assert stage.take(1) == [1]
    with pytest.raises(OSError, match="the disk is gone"):
        stage.take(1)
    assert take_all(stage) == []
    assert ended(stage)


def test_even_an_exit_in_the_thread_reaches_the_caller() -> None:
    def produce() -> Iterator[int]:
        raise SystemExit(3)
        yield 1

    with pytest.raises(SystemExit):
        RunAhead(produce(), depth=1, name="test").take(1)


def test_stop_ends_a_producer_that_waits_for_room_and_closes_it() -> None:
    closed = threading.Event()

    def produce() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    stage = RunAhead(produce(), depth=2, name="test")
    stage.take(1)
    assert ended(stage)
    assert closed.is_set()


def test_stop_wakes_a_consumer_that_waits_for_an_item() -> None:
    blocked = threading.Event()
    stage: RunAhead[int] = RunAhead((blocked.wait() for _ in range(1)), depth=1, name="test")
    taken: list[int] = []
    consumer = threading.Thread(target=lambda: taken.extend(take_all(stage)))
    consumer.start()
    stage.stop()
    consumer.join(LIMIT_S)
    assert not consumer.is_alive()
    assert taken == []
    blocked.set()
    assert stage.join(LIMIT_S)


def test_join_gives_up_on_a_producer_that_is_stuck() -> None:
    blocked = threading.Event()
    stage: RunAhead[int] = RunAhead((blocked.wait() for _ in range(1)), depth=1, name="test")
    stage.stop()
    assert not stage.join(0.05)
    blocked.set()
    assert stage.join(LIMIT_S)


def test_stages_can_be_chained() -> None:
    first = RunAhead(range(100), depth=2, name="first")
    second = RunAhead((number * 2 for number in iterate(first)), depth=2, name="second")
    assert take_all(second) == list(range(0, 200, 2))
    assert ended(first, second)


def test_an_error_passes_through_a_chain() -> None:
    first = RunAhead((1 // number for number in (1, 0, 1)), depth=2, name="first")
    second = RunAhead((number * 2 for number in iterate(first)), depth=2, name="second")
    assert second.take(1) == [2]
    with pytest.raises(ZeroDivisionError):
        second.take(1)
    assert ended(first, second)


def test_several_items_are_taken_at_once_and_the_last_ones_as_they_are() -> None:
    stage = RunAhead(range(8), depth=3, name="test")
    assert [stage.take(3), stage.take(3), stage.take(3), stage.take(3)] == [
        *([0, 1, 2], [3, 4, 5], [6, 7], []),
    ]
    assert ended(stage)


def test_an_error_does_not_cost_the_items_that_wait_to_be_taken_with_more() -> None:
    def produce() -> Iterator[int]:
        yield from (1, 2)
        raise OSError("the disk is gone")

    stage = RunAhead(produce(), depth=4, name="test")
    assert stage.take(4) == [1, 2]
    with pytest.raises(OSError, match="the disk is gone"):
        stage.take(4)


class TestWorkers:
    """Several threads make items at once; nothing else of the queue changes."""

    def test_order_is_kept_though_some_take_longer(self) -> None:
        def slow(number: int) -> int:
            time.sleep(0.01 if number % 3 == 0 else 0)
            return number * 2

        stage = RunAhead(range(60), slow, depth=4, name="test", workers=3)
        assert take_all(stage) == list(range(0, 120, 2))
        assert ended(stage)

    def test_they_work_at_once(self) -> None:
        meeting = threading.Barrier(3, timeout=LIMIT_S)
        stage = RunAhead(range(6), lambda _: meeting.wait(), depth=3, name="test", workers=3)
        assert sorted(take_all(stage)) == [0, 0, 1, 1, 2, 2]

    def test_the_source_is_read_by_one_at_a_time(self) -> None:
        inside = threading.Lock()

        def produce() -> Iterator[int]:
            for number in range(30):
                assert inside.acquire(blocking=False)
                time.sleep(0.001)
                inside.release()
                yield number

        stage = RunAhead(produce(), lambda number: number, depth=4, name="test", workers=4)
        assert take_all(stage) == list(range(30))

    def test_never_more_than_depth_items_are_made_or_wait(self) -> None:
        made: list[int] = []
        stage = RunAhead(range(50), made.append, depth=4, name="test", workers=3)
        wait_until_steady(made)
        assert sorted(made) == [0, 1, 2, 3]
        stage.take(1)
        wait_until_steady(made)
        assert sorted(made) == [0, 1, 2, 3, 4]
        assert ended(stage)

    def test_an_error_comes_in_its_place_and_nothing_after_it(self) -> None:
        late = threading.Event()

        def make(number: int) -> int:
            if number == 1:
                late.wait(LIMIT_S)
            if number == 2:
                late.set()
                raise OSError("the disk is gone")
            return number

        stage = RunAhead(range(9), make, depth=4, name="test", workers=2)
        assert [stage.take(1), stage.take(1)] == [[0], [1]]
        with pytest.raises(OSError, match="the disk is gone"):
            stage.take(1)
        assert stage.take(1) == []
        assert ended(stage)

    def test_an_error_of_the_source_costs_nothing_that_is_being_made(self) -> None:
        def produce() -> Iterator[int]:
            yield from range(3)
            raise OSError("the cable is out")

        def make(number: int) -> int:
            time.sleep(0.02)
            return number

        stage = RunAhead(produce(), make, depth=4, name="test", workers=3)
        assert stage.take(4) == [0, 1, 2]
        with pytest.raises(OSError, match="the cable is out"):
            stage.take(1)

    @pytest.mark.parametrize("count", range(6))
    def test_they_end_with_the_source_though_the_queue_looks_full(self, count: int) -> None:
        stage = RunAhead(range(count), str, depth=3, name="test", workers=3)
        assert [len(stage.take(3)), len(stage.take(3))] == [min(3, count), max(0, count - 3)]
        assert ended(stage)

    def test_stop_ends_all_of_them_and_closes_the_source_once(self) -> None:
        closed: list[str] = []

        def produce() -> Iterator[int]:
            try:
                yield from itertools.count()
            finally:
                closed.append("closed")

        stage = RunAhead(produce(), lambda number: number, depth=4, name="test", workers=3)
        stage.take(1)
        assert ended(stage)
        assert closed == ["closed"]

    @pytest.mark.parametrize(("workers", "policy"), [(0, "block"), (4, "block"), (2, "newest")])
    def test_more_than_the_queue_can_use_is_a_mistake(self, workers: int, policy: Any) -> None:
        with pytest.raises(ValueError, match="cannot take workers="):
            RunAhead(range(9), str, depth=3, name="test", workers=workers, policy=policy)


class TestNewest:
    """What comes too late is of no worth: the policy for live sources."""

    def test_the_oldest_make_room_and_are_counted(self) -> None:
        stage = RunAhead(range(50), depth=3, name="test", policy="newest")
        assert stage.join(LIMIT_S), "it waits for nobody"
        assert take_all(stage) == [47, 48, 49]
        assert stage.dropped == 47

    def test_nothing_is_dropped_where_items_are_taken_in_time(self) -> None:
        taken = threading.Semaphore(1)

        def produce() -> Iterator[int]:
            for number in range(50):
                assert taken.acquire(timeout=LIMIT_S)
                yield number

        stage = RunAhead(produce(), depth=1, name="test", policy="newest")
        for number in range(50):
            assert stage.take(1) == [number]
            taken.release()
        assert stage.dropped == 0

    def test_several_are_not_waited_for(self) -> None:
        blocked = threading.Event()

        def produce() -> Iterator[int]:
            yield 0
            blocked.wait()

        stage = RunAhead(produce(), depth=4, name="test", policy="newest")
        assert stage.take(4) == [0]
        blocked.set()
        assert ended(stage)


class TestStop:
    def test_a_request_ends_it_though_items_are_ready(self) -> None:
        stop = Stop()
        stage = RunAhead(range(50), depth=3, name="test", stop=stop)
        assert stage.take(1) == [0]
        stop.request()
        assert stage.take(1) == []
        assert stop.cut_short
        assert ended(stage)

    def test_a_request_wakes_a_consumer_that_waits(self) -> None:
        blocked, stop = threading.Event(), Stop()
        stage = RunAhead((blocked.wait() for _ in range(1)), depth=1, name="test", stop=stop)
        timer = threading.Timer(0.05, stop.request)
        timer.start()
        assert stage.take(1) == []
        assert stop.cut_short
        blocked.set()
        assert ended(stage)

    def test_a_request_that_comes_after_the_last_item_left_nothing_out(self) -> None:
        stop = Stop()
        stage = RunAhead(range(1), depth=2, name="test", stop=stop)
        assert stage.take(1) == [0]
        assert stage.join(LIMIT_S)
        stop.request()
        assert stage.take(1) == []
        assert not stop.cut_short


def test_one_that_nobody_stopped_ends_before_the_interpreter() -> None:
    program = """
from yolokit.runtime.run_ahead import RunAhead

def produce():
    try:
        while True:
            yield 0
    finally:
        print("closed", flush=True)

stage = RunAhead(produce(), depth=2, name="test")
stage.take(1)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "closed\n"
