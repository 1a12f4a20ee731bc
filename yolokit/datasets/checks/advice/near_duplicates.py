"""Pictures of a split that look like others of it, as frames of one film do."""

from __future__ import annotations

from collections.abc import Iterator

from yolokit.core.plural import counted, share
from yolokit.core.units import describe_share
from yolokit.datasets.checks.toolkit import at_least, call_split, name_pair
from yolokit.datasets.facts import DatasetFacts

CODE = "near-duplicates"
TITLE = "pictures that look like others"
SEVERITY = "advice"
PURPOSES = ("train", "source")
HINT = "other pictures teach more: take every tenth frame of a film, say"
_TOLD_SHARE = 0.05  # fewer hardly change what is learnt


def find(facts: DatasetFacts) -> Iterator[str]:
    """Yield each split in which a twentieth or more of the pictures are near another."""
    found = facts.duplicates
    for split in found.splits:
        images, others = found.near_in(split, split)
        count = facts.statistics.splits[split].images
        if len(images) < max(2, _TOLD_SHARE * count):
            continue
        look = share(
            len(images), f"{counted(count, 'image')} of {call_split(split)}", "looks", "look"
        )
        pair = name_pair(facts, int(images[0]), int(others[0]))
        part = describe_share(len(images), count)
        yield f"{at_least(found)}{look} nearly like another ({part}){pair}"
