"""Sets in which most images show nothing."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted, share
from yolokit.core.units import describe_share
from yolokit.datasets.checks.toolkit import call_split
from yolokit.datasets.facts import DatasetFacts

CODE = "much-background"
TITLE = "splits that are mostly background"
SEVERITY = "warning"
PURPOSES = ("train", "source")
HINT = "look at some with `yolokit data show`: an object without a box teaches that it is none"
_MOST = 2 / 3
_FEW_IMAGES = 10


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split of which more than two thirds are background, if it has boxes at all.

    Up to a tenth is recommended; so many rather speak of images that were not labelled yet.
    """
    for name, split in facts.statistics.splits.items():
        if split.images < _FEW_IMAGES or not split.boxes:
            continue
        if split.background > _MOST * split.images:
            images = f"{counted(split.images, 'image')} of {call_split(name)}"
            have = share(split.background, images, "has", "have")
            part = describe_share(split.background, split.images)
            yield f"{have} no box ({part}): are they all labelled?"
