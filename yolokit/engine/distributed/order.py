"""Which images a process is shown, and when: whatever their number, a step sees the same ones.

An image is told by a key, from which whoever loads it knows the epoch, and whether it was shown in
it before: ``(epoch * _REPEATS + repeat) * images + image``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch.utils.data import Sampler

from yolokit.engine.distributed.group import count_workers, find_rank
from yolokit.engine.repeat_factor import count_shown, draw_epoch, find_repeats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.types import F64, I64

_ATTEMPT = 1_000_000  # epochs, at most, of a run
_REPEATS = 1024  # of an image in an epoch, at most


def split_epoch(order: list[int], batch: int, workers: int, rank: int) -> list[int]:
    """Return the images of one process, so that each batch of all is one batch of the order.

    The last batch is divided evenly; where it has fewer images than there are processes, its
    images are repeated, since each process must have one.

    Args:
        order: Images of an epoch.
        batch: Images of a batch of one process.
        workers: How many processes there are.
        rank: Number of this one.
    """
    whole = batch * workers
    mine: list[int] = []
    for begin in range(0, len(order), whole):
        part = order[begin : begin + whole]
        if len(part) < workers:
            part = [part[index % len(part)] for index in range(workers)]
        bounds = [len(part) * edge // workers for edge in (rank, rank + 1)]
        mine += part[bounds[0] : bounds[1]]
    return mine


class SharedOrder(Sampler[int]):
    """Shuffles the images anew for each epoch, alike in all processes.

    Data loaders look ahead: they begin the next epoch before this one ends. So each pass counts by
    itself, from the epoch that :meth:`restart` was given.

    Attributes:
        shown: Images that an epoch shows, in all processes together.
    """

    def __init__(
        self, repeats: F64, batch: int, *, workers: int = 1, rank: int = 0, seed: int
    ) -> None:
        """Be at the first epoch.

        Args:
            repeats: (images,) how often an epoch shows each on average, at least 1.
            batch: Images of a batch of one process.
            workers: How many processes there are.
            rank: Number of this one.
            seed: Seed of the run.
        """
        self._repeats, self._batch, self._seed = repeats, batch, seed
        self._workers, self._rank = workers, rank
        self._round = 0
        self.shown = count_shown(repeats)

    def __len__(self) -> int:
        """Return the images that this process is shown in an epoch."""
        return len(self._split(list(range(self.shown))))

    def __iter__(self) -> Iterator[int]:
        """Yield the keys of the images of the next epoch."""
        drawn = draw_epoch(self._repeats, self._seed, self._round)
        keys = (self._round * _REPEATS + count_earlier(drawn)) * len(self._repeats) + drawn
        self._round = self._round % _ATTEMPT + 1
        return iter(self._split(keys.tolist()))

    def restart(self, epoch: int, attempt: int = 0) -> None:
        """Have the next pass be that of an epoch, from 0; once more if ``attempt`` is not 0."""
        self._round = epoch + attempt * _ATTEMPT

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: upstream calls it when the loader has looked ahead already."""

    def _split(self, order: list[int]) -> list[int]:
        return split_epoch(order, self._batch, self._workers, self._rank)


def count_earlier(drawn: I64) -> I64:
    """Return for each number how often it stands before."""
    order = np.argsort(drawn, kind="stable")
    _, begins, counts = np.unique(drawn[order], return_index=True, return_counts=True)
    earlier = np.empty_like(drawn)
    earlier[order] = np.arange(len(drawn)) - np.repeat(begins, counts)
    return earlier


def order_images(loader: Any, repeat_factor: float, seed: int) -> SharedOrder:
    """Have a training loader of upstream's take its images in an order that all processes share.

    Args:
        loader: Its data set has the labels.
        repeat_factor: Share of images below which a class is shown more often; 0 for none.
        seed: Seed of the run.
    """
    order = SharedOrder(
        find_repeats(loader.dataset.labels, repeat_factor),
        loader.batch_size,
        workers=count_workers(),
        rank=find_rank(),
        seed=seed,
    )
    # torch refuses to set it on a loader that is made; upstream does the same with its sampler.
    object.__setattr__(loader, "sampler", order)
    loader.batch_sampler.sampler.sampler = order
    return order
