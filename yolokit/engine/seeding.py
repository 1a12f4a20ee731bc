"""What is random in a training follows from its seed, the epoch and the image alone.

Upstream draws from generators that go on from image to image, so that what an epoch is like depends
on all that was drawn before, and a resumed run differs. Here each image begins with generators of
its own, whichever process loads it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import yolokit.engine.ultralytics_patches  # noqa: F401 - in processes that load images as well

if TYPE_CHECKING:
    from collections.abc import Iterator

from ultralytics.data.dataset import YOLODataset  # isort: skip - after our edits

_ATTEMPT = 1_000_000  # epochs, at most, of a run


class EpochSampler(torch.utils.data.Sampler[int]):
    """Yields the images of one epoch after the other, each in an order of its own.

    A key is ``round * images + image``, so that the process that loads an image knows the epoch.

    Attributes:
        round: The epoch that the next iteration is for, from 0; epochs that are trained once more
            have numbers of their own.
    """

    def __init__(self, images: int, seed: int) -> None:
        self._images, self._seed = images, seed
        self.round = 0

    def begin_at(self, epoch: int, attempt: int = 0) -> None:
        """Have the next iteration be an epoch, once more if ``attempt`` is not 0."""
        self.round = epoch + attempt * _ATTEMPT

    def __len__(self) -> int:
        return self._images

    def __iter__(self) -> Iterator[int]:
        begin = self.round * self._images
        generator = np.random.default_rng([self._seed, self.round])
        order = generator.permutation(self._images)
        self.round = self.round % _ATTEMPT + 1
        return iter((begin + order).tolist())


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


def seed_loader(loader: Any, seed: int) -> EpochSampler:
    """Have upstream's loader, which was not iterated yet, follow the seed; return its sampler."""
    dataset = loader.dataset
    dataset.__class__, dataset.seed = SeededDataset, seed
    sampler = EpochSampler(len(dataset), seed)
    loader.batch_sampler.sampler.sampler = sampler
    return sampler


def list_recent(dataset: Any) -> list[int]:
    """Return the images that mosaics are made of next, in the order in which they were loaded."""
    recent = dataset.buffer
    return list(map(int, recent)) if isinstance(recent, list) else []


def load_recent(dataset: Any, recent: list[int]) -> None:
    """Load images as those that mosaics are made of next."""
    if dataset.cache != "ram":
        for index in recent:
            dataset.load_image(index)
