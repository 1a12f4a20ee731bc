"""What is random in a training follows from its seed, the epoch and the image alone.

Upstream draws from generators that go on from image to image, so that what an epoch is like depends
on all that was drawn before, and a resumed run differs. Here each image begins with generators of
its own, whichever process loads it.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

import yolokit.engine.ultralytics_patches  # noqa: F401 - in processes that load images as well

from ultralytics.data.dataset import YOLODataset  # isort: skip - after our edits


class SeededDataset(YOLODataset):  # type: ignore[misc]
    """A data set whose augmentations depend on the seed, the epoch and the image alone.

    One image alone does not: a mosaic takes the others from those that were loaded lately.
    """

    seed: int

    def __getitem__(self, key: int) -> Any:
        round_, index = divmod(key, len(self))
        state = np.random.SeedSequence([self.seed, round_, index]).generate_state(1)
        seed = int(state[0])
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - upstream draws from this one
        torch.default_generator.manual_seed(seed)
        return super().__getitem__(index)


def seed_images(dataset: Any, seed: int) -> None:
    """Have upstream's data set follow the seed; it is asked for keys of ``distributed.order``."""
    dataset.__class__, dataset.seed = SeededDataset, seed


def list_recent(dataset: Any) -> list[int]:
    """Return the images that mosaics are made of next, in the order in which they were loaded."""
    recent = dataset.buffer
    return list(map(int, recent)) if isinstance(recent, list) else []


def load_recent(dataset: Any, recent: list[int]) -> None:
    """Load images as those that mosaics are made of next."""
    if dataset.cache != "ram":
        for index in recent:
            dataset.load_image(index)
