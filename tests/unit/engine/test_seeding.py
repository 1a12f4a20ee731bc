"""The order of an epoch follows from the seed and the epoch alone."""

from __future__ import annotations

from yolokit.engine import ultralytics_patches  # noqa: F401 - first, as in the engine
from yolokit.engine.seeding import EpochSampler


def test_each_epoch_has_all_images_in_an_order_of_its_own() -> None:
    sampler = EpochSampler(8, seed=1)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == list(range(8))
    assert sorted(key - 8 for key in second) == list(range(8))
    assert [key - 8 for key in second] != first
    assert len(sampler) == 8


def test_an_epoch_is_the_same_wherever_a_run_begins() -> None:
    whole, later, other = EpochSampler(8, 1), EpochSampler(8, 1), EpochSampler(8, 2)
    epochs = [list(whole) for _ in range(3)]
    later.begin_at(2)
    assert list(later) == epochs[2]
    assert list(other) != epochs[0]


def test_an_epoch_that_is_trained_once_more_is_another_and_the_next_is_not() -> None:
    sampler = EpochSampler(8, 1)
    epochs = [list(sampler) for _ in range(3)]
    sampler.begin_at(1, attempt=1)
    again = list(sampler)
    assert sorted(key % 8 for key in again) == list(range(8))
    assert again != epochs[1]
    assert list(sampler) == epochs[2]
