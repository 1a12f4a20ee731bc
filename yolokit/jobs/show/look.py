"""What is shown: drawn pictures, and what is written beside them, before it becomes a file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.plural import counted
from yolokit.core.types import U8

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import I64

_CLASSES_SHOWN = 6


class View(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A picture with what is drawn on it.

    Attributes:
        drawn: (H, W, 3) uint8 BGR, at the size at which it is looked at.
        name: Of the image.
        split: An empty text where it is of none.
        labels: Name of each class in it to how many there are.
        note: What a check says about it.
    """

    drawn: U8
    name: str
    split: str
    labels: dict[str, int]
    note: str = ""

    def describe_labels(self) -> str:
        """Return how many labels of which classes it has, the most frequent first."""
        total = sum(self.labels.values())
        if not total:
            return "background: no labels"
        order = sorted(self.labels.items(), key=lambda item: -item[1])
        parts = [f"{count} {name}" for name, count in order[:_CLASSES_SHOWN]]
        more = ["..."] if len(order) > _CLASSES_SHOWN else []
        return f"{counted(total, 'label')}: {', '.join([*parts, *more])}"


class Look(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """All that is shown of a source.

    Attributes:
        title: What is shown.
        lead: How it was chosen, in a sentence.
        names: Of the classes.
        views: The pictures, in the order in which they are shown.
        format: How the source is written.
        task: What its labels are.
        images: How many there were to choose from.
        left_out: Images that were chosen and cannot be shown, each with the reason.
        counts: Class to how many images to choose from have it, and how many labels.
        facts: Small print: name and value.
    """

    title: str
    lead: str
    names: tuple[str, ...]
    views: tuple[View, ...]
    format: str
    task: str
    images: int
    left_out: tuple[str, ...] = ()
    counts: tuple[tuple[str, int, int], ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


def count_labels(names: Sequence[str], class_ids: I64) -> dict[str, int]:
    """Return name of each class to how often it occurs."""
    found = Counter(class_ids.tolist())
    return {names[index]: count for index, count in sorted(found.items())}
