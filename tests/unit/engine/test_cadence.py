"""When the optimizer steps."""

from __future__ import annotations

import pytest

from yolokit.engine.cadence import Cadence


def list_steps(cadence: Cadence, epochs: int) -> list[int]:
    """Return the batches of a run, from 0, behind which a step is made."""
    steps, pending = [], 0
    for number in range(cadence.batches * epochs):
        pending += 1
        if cadence.is_due(*divmod(number, cadence.batches), pending):
            steps.append(number)
            pending = 0
    assert pending == 0, "nothing is left"
    return steps


def test_a_small_set_makes_a_step_an_epoch_and_its_warm_up_fits() -> None:
    """8 images, batch 4, nbs 64, 5 epochs: upstream makes one step, at rate 0."""
    cadence = Cadence.fit(batches=2, full=10, warmup=6, epochs=5)
    assert cadence == Cadence(batches=2, full=2, warmup=3)
    assert list_steps(cadence, 5) == [0, 1, 3, 5, 7, 9]


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_single_batch_an_epoch(epochs: int) -> None:
    cadence = Cadence.fit(batches=1, full=4, warmup=epochs - 1, epochs=epochs)
    assert list_steps(cadence, epochs) == list(range(epochs))


def test_a_larger_set_keeps_upstreams_steps_but_for_the_end_of_an_epoch() -> None:
    """BCCD: 205 images, batch 16, 5 epochs."""
    cadence = Cadence.fit(batches=13, full=4, warmup=39, epochs=5)
    assert cadence == Cadence(batches=13, full=4, warmup=39)
    steps = list_steps(cadence, 5)
    assert steps[:10] == [0, 1, 2, 3, 4, 5, 6, 8, 10, 12]
    assert [step for step in steps if step >= 39] == [42, 46, 50, 51, 55, 59, 63, 64]


@pytest.mark.parametrize(("batches", "full", "warmup"), [(13, 4, 39), (4, 4, 0), (7, 9, 5)])
def test_steps_are_counted_without_training(batches: int, full: int, warmup: int) -> None:
    cadence = Cadence.fit(batches=batches, full=full, warmup=warmup, epochs=5)
    counted = [cadence.count_steps(epoch) for epoch in range(5)]
    made = [step // batches for step in list_steps(cadence, 5)]
    assert counted == [made.count(epoch) for epoch in range(5)]
