"""The random numbers that labels are made from."""

from __future__ import annotations

from yolokit.jobs.demo.rng import Rng


def test_random_numbers_are_the_raw_stream_that_numpy_promises() -> None:
    # PCG64 seeded through SeedSequence: both streams are fixed by numpy's compatibility policy.
    rng = Rng(0)
    assert [rng.random() for _ in range(3)] == [
        0.6369616873214543,
        0.2697867137638703,
        0.04097352393619469,
    ]


def test_random_numbers_stay_in_range_and_reach_all_of_it() -> None:
    rng = Rng(5, 6)
    drawn = [rng.integer(2, 8) for _ in range(300)]
    assert set(drawn) == set(range(2, 9))
    assert all(1.5 <= rng.uniform(1.5, 2.0) < 2.0 for _ in range(300))
    assert 30 < sum(rng.chance(0.2) for _ in range(300)) < 90
    assert sorted(rng.shuffled(range(10))) == list(range(10))
    assert rng.shuffled(range(10)) != list(range(10))
