"""The one-cycle schedule beside torch's own."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from yolokit.engine.hooks.one_cycle import OneCycle, rate_at  # noqa: E402


def make_trainer(batches: int, epochs: int) -> Any:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.04)
    optimizer.param_groups[0]["initial_lr"] = 0.04
    return SimpleNamespace(
        cadence=SimpleNamespace(batches=batches), epochs=epochs, epoch=0, batch_number=0,
        optimizer=optimizer, args=SimpleNamespace(lrf=0.01),
    )  # fmt: skip


def run(trainer: Any, first: int = 0) -> list[float]:
    """Return the rates of all steps from an epoch on, one a batch."""
    rates = []
    for epoch, batch in product(range(first, trainer.epochs), range(trainer.cadence.batches)):
        trainer.epoch, trainer.batch_number = epoch, batch + 1
        OneCycle().on_gradients(trainer)
        rates.append(trainer.optimizer.param_groups[0]["lr"])
    return rates


@pytest.mark.parametrize(("batches", "epochs"), [(1, 2), (1, 3), (4, 5), (7, 30)])
def test_the_curve_is_torchs(batches: int, epochs: int) -> None:
    total = batches * epochs
    optimizer = make_trainer(batches, epochs).optimizer
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.04, total_steps=total, cycle_momentum=False, final_div_factor=100 / 25
    )
    expected = []
    for _ in range(total):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step() if len(expected) < total else None
    assert run(make_trainer(batches, epochs)) == pytest.approx(expected, rel=1e-12)


def test_a_resumed_run_goes_on_where_it_was() -> None:
    assert run(make_trainer(4, 6), first=3) == run(make_trainer(4, 6))[12:]


def test_a_single_batch_is_trained_at_the_whole_rate() -> None:
    assert rate_at(0, total=1, last=0.01) == 1


def test_the_highest_rate_is_the_one_that_was_asked_for() -> None:
    rates = run(make_trainer(10, 10))
    assert max(rates) == pytest.approx(0.04, rel=1e-12)
    assert rates.index(max(rates)) == 29
    assert (rates[0], rates[-1]) == pytest.approx((0.04 / 25, 0.0004))
