"""Which epoch is the best: one rule for the engine and the record."""

from __future__ import annotations

import pytest

from yolokit.engine_protocol.training import is_better

NAN = float("nan")


@pytest.mark.parametrize(
    ("fitness", "best", "better"),
    [
        (0.3, 0.2, True),
        (0.2, 0.3, False),
        (0.3, 0.3, False),  # of equal ones the first stays
        (0.0, 0.0, True),  # unless nothing was found yet
        (0.0, 0.1, False),
        (0.0, None, True),
        (None, None, True),  # nothing is validated: the last
        (None, 0.0, False),
        (NAN, 0.1, False),
        (0.0, NAN, True),
        (NAN, None, True),
    ],
)
def test_which_epoch_is_better(fitness: float | None, best: float | None, better: bool) -> None:
    assert is_better(fitness, best) is better
