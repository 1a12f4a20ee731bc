"""What is computed in between changes nothing that is random afterwards."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from yolokit.engine.randomness import undisturbed_randomness


def seed() -> None:
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002 - what upstream draws from
    torch.manual_seed(1)


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002


def test_generators_go_on_as_if_nothing_had_been_drawn() -> None:
    seed()
    expected = [draw() for _ in range(2)]
    seed()
    first = draw()
    with undisturbed_randomness():
        draw()
    with pytest.raises(KeyError), undisturbed_randomness():
        draw()
        raise KeyError
    assert [first, draw()] == expected
