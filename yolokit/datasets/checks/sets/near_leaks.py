"""Pictures that look like one of another split: frames of one film, or edited copies."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from yolokit.core.plural import counted, share
from yolokit.datasets.checks.toolkit import at_least, name_pair
from yolokit.datasets.facts import DatasetFacts

CODE = "near-leaks"
TITLE = "pictures nearly the same in two splits"
SEVERITY = "warning"
PURPOSES = ("train", "source")
HINT = (
    "`yolokit data convert SOURCE --out DIR --split 0.8,0.1,0.1 --group near-duplicate` makes new "
    "splits that keep such pictures together"
)


_ORDER = ("train", "val", "test")


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each pair of splits with such pictures.

    A model has all but seen such a picture before, even mirrored, since training mirrors too.
    """
    found = facts.duplicates
    known = sorted(filter(None, found.splits), key=_place)
    for first, second in combinations(known, 2):
        images, others = found.near_in(second, first)
        if not len(images):
            continue
        all_of = counted(facts.statistics.splits[second].images, "image")
        look = share(len(images), f"{all_of} of {second}", "looks", "look")
        mirrored = int(found.is_mirrored(images, first).sum())
        flipped = f" ({mirrored} of them in a mirror)" if mirrored else ""
        pair = name_pair(facts, int(images[0]), int(others[0]))
        yield (
            f"{at_least(found)}{look} nearly like one of {first}{flipped}{pair}: the figures of "
            f"{second} may look too good"
        )


def _place(split: str) -> int:
    """Return where a split comes in the order in which a model meets them."""
    return _ORDER.index(split) if split in _ORDER else len(_ORDER)
