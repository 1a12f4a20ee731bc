"""Threads that compute: as many as there are free cores."""

from __future__ import annotations

import pytest

from yolokit.engine.threads import count_free


@pytest.mark.parametrize(
    ("wanted", "idle_s", "own_s", "threads"),
    [
        (2, 4.0, 0.0, 2),  # nobody works
        (2, 0.2, 3.7, 2),  # we alone do
        (2, 2.1, 1.9, 2),  # on one thread so far: there is room for another
        (2, 0.0, 2.0, 1),  # half of it is another's
        (2, 0.0, 0.7, 1),  # both cores are others'
        (2, 1.0, 2.4, 2),  # others do little
        (8, 6.0, 4.0, 5),
        (2, 100.0, 2.0, 2),  # a container may use two cores of many
    ],
)
def test_free_cores(wanted: int, idle_s: float, own_s: float, threads: int) -> None:
    before = (10.0, 50.0, 5.0)
    after = (12.0, 50.0 + idle_s, 5.0 + own_s)
    assert count_free(wanted, before, after) == threads
