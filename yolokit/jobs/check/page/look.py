"""Pictures of a set: those that are in it more than once, and some with their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.plural import counted
from yolokit.jobs.check.page.pictures import draw_image, draw_plain
from yolokit.jobs.show.choose import Candidate, rank
from yolokit.report.page import Block, Gallery, Part, Section, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.core.types import I64
    from yolokit.datasets.facts import DatasetFacts
    from yolokit.report.page import Picture

_GROUPS, _OF_A_GROUP = 6, 3
_EXAMPLES = 6
_TRIED = 18


def look_sections(facts: DatasetFacts) -> Iterator[Section]:
    """Yield the sections of pictures; none where no image was looked at."""
    if not facts.scans:
        return
    groups = _order(facts, facts.duplicates.groups())
    if groups:
        yield Section("Pictures that are alike", tuple(_show_groups(facts, groups)))
    examples = tuple(_draw_examples(facts))
    if examples:
        yield Section("Examples of its labels", (Gallery(examples),))


def _order(facts: DatasetFacts, groups: list[I64]) -> list[I64]:
    """Sort groups: those that lie in several splits come first, then the large ones."""
    split_of = facts.duplicates.split_of
    return sorted(groups, key=lambda group: (-len(np.unique(split_of[group])), -len(group)))


def _show_groups(facts: DatasetFacts, groups: list[I64]) -> Iterator[Block]:
    split_of = facts.duplicates.split_of
    images = sum(map(len, groups))
    across = sum(len(np.unique(split_of[group])) > 1 for group in groups)
    words = f"{counted(images, 'image')} in {counted(len(groups), 'group')} show nearly the same."
    if across:
        lie = counted(across, "group lies", "groups lie")
        words += f" {lie} in more than one split, so that a measure comes out too good."
    yield Text(words)
    for number, group in enumerate(groups[:_GROUPS], 1):
        pictures = tuple(_draw_group(facts, group))
        splits = ", ".join(dict.fromkeys(facts.table.images.splits[image] for image in group))
        note = f"{counted(len(group), 'image')}{' in ' + splits if splits else ''}"
        yield Part(f"Group {number}", (Gallery(pictures),), note=note)
    if len(groups) > _GROUPS:
        yield Text(f"{counted(len(groups) - _GROUPS, 'more group')} not shown.")


def _draw_group(facts: DatasetFacts, group: I64) -> Iterator[Picture]:
    """Yield pictures of a group, taking turns among its splits."""
    images, split_of = facts.table.images, facts.duplicates.split_of
    turns: dict[int, int] = {}
    order: list[tuple[int, int]] = []
    for image in group.tolist():
        at = int(split_of[image])
        turns[at] = turns.get(at, 0) + 1
        order.append((turns[at], image))
    for _, image in sorted(order)[:_OF_A_GROUP]:
        caption = f"{images.splits[image]}: {images.names[image]}".lstrip(": ")
        picture = draw_plain(facts.table, image, caption)
        if picture is not None:
            yield picture


def _draw_examples(facts: DatasetFacts) -> Iterator[Picture]:
    """Yield images with their labels; together they show as many classes as they can."""
    table = facts.table
    starts = table.starts.tolist()
    classes = table.class_ids
    candidates = [
        Candidate(str(image), split, tuple(np.unique(classes[first:last]).tolist()))
        for image, (split, first, last) in enumerate(
            zip(table.images.splits, starts, starts[1:], strict=False)
        )
        if last > first
    ]
    drawn = 0
    for tried, key in enumerate(rank(candidates, seed=0)):
        if drawn == _EXAMPLES or tried == _TRIED:
            return
        image = int(key)
        split, name = table.images.splits[image], table.images.names[image]
        picture = draw_image(table, image, f"{split}: {name}".lstrip(": "))
        if picture is not None:
            drawn += 1
            yield picture
