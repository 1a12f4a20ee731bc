"""Keeps what is random in a training the same, whatever else is computed in between."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def undisturbed_randomness() -> Iterator[None]:
    """Leave the generators that augmentation draws from as they were before."""
    words, arrays, tensors = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(words)
        np.random.set_state(arrays)
        torch.set_rng_state(tensors)
