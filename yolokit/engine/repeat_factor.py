"""Repeat-factor sampling: images with rare classes are shown more often.

Source: Gupta, Dollar, Girshick: LVIS (2019), section 5.2. The fractions are drawn by systematic
sampling, so that each epoch shows as many images, and from seed and epoch alone, so that nothing
need be kept for a resumption and all processes of a run agree.
"""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import distributed
from torch.utils.data import BatchSampler, Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.core.types import F64, I64


def find_repeats(labels: Sequence[Any], threshold: float) -> F64:
    """Return how often each image is shown in an epoch, at least 1.

    A class on a share f of the images has the factor max(1, sqrt(threshold / f)), and an image the
    highest factor of its classes.

    Args:
        labels: Upstream's labels, one of an image, with ``cls`` of shape (N, 1).
        threshold: Share of images from which on a class is not rare.

    Returns:
        (images,) factors.
    """
    classes = [np.unique(np.asarray(label["cls"]).astype(np.int64)) for label in labels]
    found, counts = np.unique(np.concatenate([*classes, []]).astype(np.int64), return_counts=True)
    of_class = dict(zip(found, np.sqrt(threshold * len(labels) / counts), strict=True))
    return np.array([max([1.0, *(of_class[one] for one in own)]) for own in classes])


def draw_epoch(repeats: F64, seed: int, epoch: int) -> I64:
    """Return the images of an epoch, by their numbers, in a random order.

    Args:
        repeats: (images,) how often each is shown, on average.
        seed: Of the run.
        epoch: From 0.

    Returns:
        ``count_shown(repeats)`` numbers of images; each is there at least ``floor(repeats)`` times.
    """
    rng = np.random.default_rng((seed, epoch))
    whole = np.floor(repeats).astype(np.int64)
    more = count_shown(repeats) - int(whole.sum())
    order = rng.permutation(len(repeats))
    heights = np.cumsum((repeats - whole)[order])
    marks = (np.arange(more) + rng.random()) * (heights[-1] / max(more, 1))
    extra = order[np.minimum(np.searchsorted(heights, marks, side="right"), len(order) - 1)]
    shown = np.concatenate([np.repeat(np.arange(len(repeats)), whole), extra])
    return rng.permutation(shown)


def count_shown(repeats: F64) -> int:
    """Return how many images an epoch shows."""
    return round(float(repeats.sum()))


class RepeatFactorSampler(Sampler[int]):
    """Gives one process of a run its share of each epoch's images.

    Attributes:
        epoch: The epoch that an iteration begins with, from 0.
        total: Images that an epoch shows, in all processes together.
    """

    def __init__(self, repeats: F64, seed: int, *, rank: int = 0, world_size: int = 1) -> None:
        self.repeats, self.seed = repeats, seed
        self.rank, self.world_size = rank, world_size
        self.total = count_shown(repeats)
        self.epoch = 0

    def __len__(self) -> int:
        """Return the images of this process; the first of an epoch fill up what is uneven."""
        return math.ceil(self.total / self.world_size)

    def __iter__(self) -> Iterator[int]:
        """Yield the numbers of the images of an epoch."""
        yield from self.draw(self.epoch)

    def draw(self, epoch: int) -> list[int]:
        """Return this process's images of an epoch."""
        drawn = draw_epoch(self.repeats, self.seed, epoch)
        padded = np.resize(drawn, len(self) * self.world_size)
        numbers: list[int] = padded[self.rank :: self.world_size].tolist()
        return numbers

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch it is; an iteration that has begun already counts by itself."""
        self.epoch = epoch


class EndlessBatches:
    """The batches of one epoch after another, as upstream's loader takes them.

    Its processes fetch batches of the next epoch before that begins, so that an iteration counts
    the epochs itself, from the one at which it begins.

    Attributes:
        sampler: Has as many batches as an epoch; upstream asks it for its length.
    """

    def __init__(self, sampler: RepeatFactorSampler, batch: int) -> None:
        self.sampler = BatchSampler(sampler, batch, drop_last=False)
        self._images, self._batch = sampler, batch

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the numbers of the images of each batch, without end."""
        for epoch in count(self._images.epoch):
            numbers = self._images.draw(epoch)
            for first in range(0, len(numbers), self._batch):
                yield numbers[first : first + self._batch]


def show_rare_classes_more(loader: Any, threshold: float, seed: int) -> None:
    """Let upstream's loader, before it is first used, repeat images with rare classes.

    Args:
        loader: Of the train split.
        threshold: Share of images from which on a class is not rare.
        seed: Of the run.
    """
    in_many = distributed.is_available() and distributed.is_initialized()
    sampler = RepeatFactorSampler(
        find_repeats(loader.dataset.labels, threshold),
        seed,
        rank=distributed.get_rank() if in_many else 0,
        world_size=distributed.get_world_size() if in_many else 1,
    )
    # torch lets no part of a loader be replaced by assignment; upstream goes the same way.
    object.__setattr__(loader, "sampler", sampler)
    object.__setattr__(loader, "batch_sampler", EndlessBatches(sampler, loader.batch_size))


def count_images(loader: Any) -> int:
    """Return how many images an epoch of a train loader shows, in all processes together."""
    sampler = getattr(loader, "sampler", None)
    return sampler.total if isinstance(sampler, RepeatFactorSampler) else len(loader.dataset)
