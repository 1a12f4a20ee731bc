"""Which images each process is shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from yolokit.engine.distributed.order import SharedOrder, split_epoch


@pytest.mark.parametrize(("images", "batch", "workers"), [(16, 4, 2), (23, 4, 2), (9, 2, 3)])
def test_each_step_of_all_shows_the_images_that_one_process_would_show(
    images: int, batch: int, workers: int
) -> None:
    order = list(range(100, 100 + images))
    parts = [split_epoch(order, batch, workers, rank) for rank in range(workers)]
    for step in range(-(-images // (batch * workers))):
        whole = slice(step * batch * workers, (step + 1) * batch * workers)
        shown = [part[step * batch : (step + 1) * batch] for part in parts]
        assert sorted(itertools.chain(*shown)) == order[whole]
        assert all(shown), "each has one at least"


def test_a_last_step_with_fewer_images_than_processes_repeats_them() -> None:
    parts = [split_epoch([0, 1, 2, 3, 4], 1, 4, rank) for rank in range(4)]
    assert parts == [[0, 4], [1, 4], [2, 4], [3, 4]]


def test_epochs_are_shuffled_anew_and_alike_in_all_processes() -> None:
    one = SharedOrder(np.ones(10), 4, workers=1, rank=0, seed=3)
    first, second = list(one), list(one)
    assert sorted(first) == list(range(10))
    assert sorted(key % 10 for key in second) == list(range(10)), "keys tell the epoch"
    assert first != [key % 10 for key in second]
    halves = [SharedOrder(np.ones(10), 2, workers=2, rank=rank, seed=3) for rank in (0, 1)]
    left, right = (list(half) for half in halves)
    assert sorted(left + right) == list(range(10))
    assert sorted(left[:2] + right[:2]) == sorted(first[:4])
    assert [len(half) for half in halves] == [5, 5]


def test_an_epoch_is_the_same_whether_a_run_began_with_it_or_came_to_it() -> None:
    went_on = SharedOrder(np.ones(10), 4, workers=1, rank=0, seed=3)
    epochs = [list(went_on) for _ in range(3)]
    resumed = SharedOrder(np.ones(10), 4, workers=1, rank=0, seed=3)
    resumed.restart(2)
    resumed.set_epoch(0)  # upstream's, which comes late and says nothing new
    assert list(resumed) == epochs[2]
    assert list(SharedOrder(np.ones(10), 4, workers=1, rank=0, seed=4)) != epochs[0]


def test_an_epoch_that_is_trained_once_more_is_another_and_the_next_is_not() -> None:
    order = SharedOrder(np.ones(8), 4, workers=1, rank=0, seed=1)
    epochs = [list(order) for _ in range(3)]
    order.restart(1, attempt=1)
    again = list(order)
    assert sorted(key % 8 for key in again) == list(range(8))
    assert [key % 8 for key in again] != [key % 8 for key in epochs[1]]
    assert list(order) == epochs[2]


def test_an_image_that_is_shown_twice_has_another_key() -> None:
    order = SharedOrder(np.array([1.0, 3.0, 1.0]), 2, seed=0)
    assert order.shown == len(order) == 5
    keys = list(order)
    assert sorted(key % 3 for key in keys) == [0, 1, 1, 1, 2]
    assert len(set(keys)) == 5
    parts = [SharedOrder(np.array([1.0, 3.0, 1.0]), 1, workers=2, rank=r, seed=0) for r in (0, 1)]
    assert sorted([*parts[0], *parts[1]])[:2] == sorted(keys)[:2]
