"""Repeat-factor sampling: images with rare classes are shown more often.

Source: Gupta, Dollar, Girshick: LVIS (2019), section 5.2. The fractions are drawn by systematic
sampling, so that each epoch shows as many images, and from seed and epoch alone, so that nothing
need be kept for a resumption and all processes of a run agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

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
