"""Splits too small to measure a model on."""

from __future__ import annotations

import math
from collections.abc import Iterator

from yolokit.core.plural import counted
from yolokit.datasets.checks.toolkit import learnt_split, list_few
from yolokit.datasets.facts import DatasetFacts
from yolokit.datasets.statistics import SplitStatistics

CODE = "small-val"
TITLE = "splits too small to measure on"
SEVERITY = "advice"
PURPOSES = ("train",)
HINT = (
    "`yolokit data convert --split 0.7,0.15,0.15` gives them a larger share, and `yolokit train "
    "--folds 5` measures on every image of train and val once"
)
_FEW_BOXES = 30


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield val and test if a class has fewer than thirty boxes there.

    Of n boxes a model finds a share r; its standard error is sqrt(r (1 - r) / n), at most
    0.5 / sqrt(n). Twice that, 95 % of the cases, is 18 points at thirty boxes: as much as a good
    model is apart from a poor one. Boxes of one image depend on each other, so it is no less.
    """
    if learnt_split(facts) is None:
        return
    for name in ("val", "test"):
        split = facts.statistics.splits.get(name)
        if split is None:
            continue
        few = [(count, at) for at, count in enumerate(split.boxes_by_class) if count]
        few = [(count, at) for count, at in sorted(few) if count < _FEW_BOXES]
        if few:
            yield _describe(facts, name, split, few)


def _describe(
    facts: DatasetFacts, name: str, split: SplitStatistics, few: list[tuple[int, int]]
) -> str:
    named = list_few([f"{count} of {facts.names[at]}" for count, at in few])
    least = few[0][0]
    error = counted(round(100 / math.sqrt(least)), "point")
    wanted = math.ceil(split.images * _FEW_BOXES / least / 10) * 10
    more = counted(wanted, "image")
    return (
        f"{name} has few boxes ({named}): the recall measured there may be off by {error} "
        f"by chance; {more} like these, with {_FEW_BOXES} boxes of it, make that 18"
    )
