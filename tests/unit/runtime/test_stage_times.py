"""Busy times: of stages that fail, and of several threads."""

from __future__ import annotations

import threading
import time

import pytest

from yolokit.runtime.stage_times import StageTimes


def test_time_is_measured_even_if_the_stage_fails() -> None:
    times = StageTimes()

    def work() -> None:
        with times.measure("read_s"):
            time.sleep(0.01)
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert times.read_s >= 0.01


def test_the_threads_of_a_stage_add_up() -> None:
    times, together = StageTimes(), threading.Barrier(2, timeout=10)

    def work() -> None:
        with times.measure("infer_s"):
            together.wait()
            time.sleep(0.02)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert times.infer_s >= 0.04
