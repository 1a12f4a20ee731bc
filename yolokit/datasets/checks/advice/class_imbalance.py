"""Classes that are far rarer than others."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.datasets.checks.toolkit import call_split, learnt_split
from yolokit.datasets.facts import DatasetFacts

CODE = "class-imbalance"
TITLE = "classes far rarer than others"
SEVERITY = "advice"
PURPOSES = ("train", "source")
HINT = "label more of the rare one, or let it count more: `yolokit train --set class_weights=0.5`"
_RATIO = 50.0
_FEW_IMAGES = 10


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield the most and the least frequent class if they are fifty times apart.

    Every set has rarer classes, and detectors cope with most: fifty is where a rare one is seen
    less than once in an epoch of fifty boxes. Classes in ten images or fewer are told as rare.
    """
    split = learnt_split(facts)
    if split is None:
        return
    counts = facts.statistics.splits[split]
    told = [
        (boxes, at)
        for at, (boxes, images) in enumerate(
            zip(counts.boxes_by_class, counts.images_by_class, strict=True)
        )
        if images > _FEW_IMAGES
    ]
    if not told:
        return
    (most, common), (least, rare) = max(told), min(told)
    if most >= _RATIO * least:
        of = (facts.names[rare], call_split(split), facts.names[common])
        yield f"boxes of {of[0]} in {of[1]}: {least}, {most // least} times fewer than of {of[2]}"
