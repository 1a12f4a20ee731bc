"""Running ahead: order, bounds, errors in their place, and an end under all circumstances."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from yolokit.runtime.run_ahead import RunAhead

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 10.0


def ended(*stages: RunAhead[int]) -> bool:
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
    assert list(stage) == list(range(200))
    assert ended(stage)


def test_after_the_end_it_stays_ended() -> None:
    stage = RunAhead(range(1), depth=3, name="test")
    assert list(stage) == [0]
    assert list(stage) == []


def test_it_works_in_a_thread_of_that_name() -> None:
    stage = RunAhead((threading.current_thread().name for _ in range(1)), depth=1, name="mill")
    assert list(stage) == ["mill"]


def test_never_more_than_depth_items_wait() -> None:
    made: list[int] = []

    def produce() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    stage = RunAhead(produce(), depth=3, name="test")
    wait_until_steady(made)
    assert len(made) == 3
    next(stage)
    wait_until_steady(made)
    assert len(made) == 4
    assert ended(stage)


def test_an_error_comes_after_the_items_before_it() -> None:
    def produce() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    stage = RunAhead(produce(), depth=5, name="test")
    assert next(stage) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(stage)
    assert list(stage) == []
    assert ended(stage)


def test_even_an_exit_in_the_thread_reaches_the_caller() -> None:
    def produce() -> Iterator[int]:
        raise SystemExit(3)
        yield 1

    with pytest.raises(SystemExit):
        next(RunAhead(produce(), depth=1, name="test"))


def test_stop_ends_a_producer_that_waits_for_room_and_closes_it() -> None:
    closed = threading.Event()

    def produce() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    stage = RunAhead(produce(), depth=2, name="test")
    next(stage)
    assert ended(stage)
    assert closed.is_set()


def test_stop_wakes_a_consumer_that_waits_for_an_item() -> None:
    blocked = threading.Event()
    stage: RunAhead[int] = RunAhead((blocked.wait() for _ in range(1)), depth=1, name="test")
    taken: list[int] = []
    consumer = threading.Thread(target=lambda: taken.extend(stage))
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
    second = RunAhead((number * 2 for number in first), depth=2, name="second")
    assert list(second) == list(range(0, 200, 2))
    assert ended(first, second)


def test_an_error_passes_through_a_chain() -> None:
    first = RunAhead((1 // number for number in (1, 0, 1)), depth=2, name="first")
    second = RunAhead((number * 2 for number in first), depth=2, name="second")
    assert next(second) == 2
    with pytest.raises(ZeroDivisionError):
        next(second)
    assert ended(first, second)


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
next(stage)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "closed\n"
