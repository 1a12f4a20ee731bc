"""Classes that never occur in one image, or never without each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yolokit.core.types import I64, Bool
from yolokit.datasets.checks.toolkit import list_few
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.statistics import count_together

CODE = "co-occurrence"
TITLE = "classes that never or always occur together"
SEVERITY = "advice"
PURPOSES = ("train", "source")
HINT = "add images that show one without the other, or both; see that both are labelled everywhere"
_EXPECTED = 10.0
_FEW_IMAGES = 20
_NEARLY_ALL = 0.9


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield pairs that are never seen together though chance would, and those never seen apart.

    Of images with several objects: where ten are expected with both and there is none, chance
    alone has 1 in 20,000 (e to the power of -10): rather, images of two sources were each
    labelled for its own classes. Two classes that are always together, in twenty images or more
    and not in nearly all, cannot be told apart by what surrounds them.
    """
    together = count_together(facts.table, least_objects=2)
    if not together.size:
        return
    images = np.diag(together)
    several = int((np.diff(facts.table.starts) > 1).sum())
    expected = np.outer(images, images) / max(several, 1)
    never = np.triu((together == 0) & (expected >= _EXPECTED), 1)
    if never.any():
        yield f"never in one image, where chance has ten or more: {_name(facts, never)}"
    equal = (together == images[:, None]) & (together == images[None])
    always = np.triu(equal & (together >= _FEW_IMAGES) & (together <= _NEARLY_ALL * several), 1)
    if always.any():
        yield f"never one without the other: {_name(facts, always)}"


def _name(facts: DatasetFacts, pairs: Bool) -> str:
    found: I64 = np.argwhere(pairs)
    return list_few([f"{facts.names[a]} and {facts.names[b]}" for a, b in found.tolist()])
