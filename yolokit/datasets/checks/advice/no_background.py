"""Sets in which no image shows nothing."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import call_split, learnt_split
from yolokit.datasets.facts import DatasetFacts

CODE = "no-background"
TITLE = "splits without background"
SEVERITY = "advice"
PURPOSES = ("train", "source")
HINT = "add images of what the camera sees then, each with an empty label file: up to 10 %"
_FEW_IMAGES = 50


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield the split that is learnt from if each of its fifty images or more shows something.

    Source: ultralytics, Tips for Best Training Results: 0-10 % background images.
    """
    split = learnt_split(facts)
    if split is None:
        return
    counts = facts.statistics.splits[split]
    if counts.images >= _FEW_IMAGES and not counts.background:
        images = counted(counts.images, "image")
        yield (
            f"each of the {images} of {call_split(split)} shows an object: where the camera may "
            "see none, more false alarms are to be expected"
        )
