"""Classes of which training sees too few examples."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import call_split, learnt_split, list_few
from yolokit.datasets.facts import DatasetFacts

CODE = "rare-classes"
TITLE = "classes with few examples"
SEVERITY = "advice"
PURPOSES = ("train", "source")
HINT = (
    "label more of them, merge them with `yolokit data convert --map OLD=NEW`, or leave them out "
    "with `yolokit data convert --drop NAME`"
)
_FEW_IMAGES = 10
"""LVIS calls a class rare that is in at most ten images; every detector fails on those."""


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield one sentence for all classes that occur in at most ten images; none that never do.

    Source: Gupta et al.: LVIS (2019), section 5.
    """
    split = learnt_split(facts)
    if split is None:
        return
    counts = facts.statistics.splits[split].images_by_class
    rare = [(count, at) for at, count in enumerate(counts) if 0 < count <= _FEW_IMAGES]
    if rare:
        named = list_few([f"{facts.names[at]} in {count}" for count, at in sorted(rare)])
        occur = counted(len(rare), "class occurs", "classes occur")
        yield f"{occur} in {_FEW_IMAGES} images of {call_split(split)} at most: {named}"
