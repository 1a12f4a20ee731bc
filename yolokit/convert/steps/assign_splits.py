"""Gives each image of a conversion its split: the source's own, or a new one.

The same names, classes and seed give the same splits on every machine.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.convert.steps.group_images import GroupPlan, group_images
from yolokit.convert.steps.keep_sample import draw, keyed_images
from yolokit.labels.model import LabelledImage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import ImageRecord

_BACKGROUND = -1


def exclude_unsplit(images: Iterable[LabelledImage], ledger: Ledger) -> Iterator[LabelledImage]:
    """Leave out images that belong to no split, where others do.

    The lists of a format's splits say what the set is; each annotation left out is entered.
    """
    for labelled in images:
        image = labelled.image
        if image.split is not None:
            yield labelled
            continue
        message = f"{image.file_name} is in no split of the source (--split SHARES takes all)"
        places = labelled.annotations.places.tolist()
        ledger.record_all(image.source, places, "excluded", "in-no-split", message)


def assign_splits(
    images: Iterable[LabelledImage],
    shares: Mapping[str, float],
    seed: int,
    group: GroupPlan | None = None,
) -> dict[str, str]:
    """Make a split: key of each image to its split; what a group has stays together."""
    classes: dict[str, list[int]] = {}
    records: dict[str, ImageRecord] = {}
    for key, labelled in keyed_images(images):
        classes[key] = np.unique(labelled.annotations.category_indices).tolist()
        if group is not None:
            records[key] = labelled.image
    if group is None:
        return stratify({key: [found] for key, found in classes.items()}, shares, seed)
    group_of = group_images(records, group)
    members: dict[str, list[list[int]]] = {}
    for key, found in classes.items():
        members.setdefault(group_of[key], []).append(found)
    given = stratify(members, shares, seed)
    return {key: given[group_of[key]] for key in classes}


def set_splits(
    images: Iterable[LabelledImage], splits: dict[str, str] | None
) -> Iterator[LabelledImage]:
    """Give images the splits that were made for them; ``train`` to all where none were made."""
    for key, labelled in keyed_images(images):
        split = "train" if splits is None else splits[key]
        record = msgspec.structs.replace(labelled.image, split=split)
        yield LabelledImage(record, labelled.annotations)


class SplitPlan(msgspec.Struct, frozen=True):
    """How images are to be split.

    Attributes:
        mode: ``auto`` keeps the source's splits and makes some where it has none, ``keep``
            keeps them and makes none, ``shares`` makes them in any case.
        shares: Of train, val and test; they add up to 1.
    """

    mode: str
    shares: tuple[float, float, float] = (0.8, 0.1, 0.1)

    @classmethod
    def parse(cls, text: str) -> SplitPlan:
        """Read ``auto``, ``keep``, or shares such as ``0.8,0.1,0.1`` and ``0.8,0.2``.

        Raises:
            ValueError: It is none of these, or the shares do not add up to 1.
        """
        if text in ("auto", "keep"):
            return cls(text)
        try:
            shares = [float(word) for word in text.split(",")]
        except ValueError:
            shares = []
        if not 1 <= len(shares) <= 3 or not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"{text!r} is neither auto, keep nor shares such as 0.8,0.1,0.1")
        if abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"the shares {text} add up to {sum(shares):g}, not to 1")
        train, val, test = [*shares, 0.0, 0.0][:3]
        return cls("shares", (train, val, test))


def stratify(
    items: Mapping[str, Sequence[Sequence[int]]], shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """Assign items to splits so that each class is shared out alike.

    Each step takes the class with the fewest images left and gives an item with it to the split
    that lacks most of that class. Splits get their number of images as exactly as the sizes of
    items allow, at least one item each.

    An item is an image or a group of images, with the classes in each of its images; one without
    any is a background image. The shares add up to 1.

    Source: Sechidis, Tsoumakas, Vlahavas: On the Stratification of Multi-Label Data (2011).
    """
    order = _draw_order(items, seed)
    labels = {name: _count_labels(items[name]) for name in order}
    waiting: dict[int, list[str]] = {}
    left: Counter[int] = Counter()
    for name in order:
        left.update(labels[name])
        for label in sorted(labels[name]):
            waiting.setdefault(label, []).append(name)
    room = _quotas(sum(len(items[name]) for name in order), shares)
    wanted = {
        label: {split: count * share for split, share in shares.items()}
        for label, count in left.items()
    }
    given: dict[str, str] = {}
    while left:
        rarest = min(left, key=lambda label: (left[label], label))
        for name in waiting[rarest]:
            if name in given:
                continue
            split = given[name] = _needs_most(wanted[rarest], room)
            room[split] -= len(items[name])
            for label, count in labels[name].items():
                wanted[label][split] -= count
                left[label] -= count
        del left[rarest]
    return given


def _draw_order(items: Mapping[str, Sequence[object]], seed: int) -> list[str]:
    """Return items in a random order, but large groups first: what is left fills up the rest."""
    drawn = sorted(items, key=lambda name: draw(name, seed))
    return sorted(drawn, key=lambda name: -len(items[name]))


def _count_labels(images: Sequence[Sequence[int]]) -> Counter[int]:
    """Return in how many images of an item each class is."""
    return Counter(label for classes in images for label in (set(classes) or {_BACKGROUND}))


def _needs_most(wanted: Mapping[str, float], room: Mapping[str, int]) -> str:
    """Choose a split: among those with room, the one that lacks most of a class.

    Groups may fill a split beyond its number; when all are full, the least full one is taken.
    """
    splits = list(room)
    free = [split for split in splits if room[split] > 0]
    if not free:
        return max(splits, key=lambda split: (room[split], -splits.index(split)))
    return max(free, key=lambda split: (wanted[split], room[split], -splits.index(split)))


def _quotas(count: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Round shares to whole numbers that add up, none of them 0 where there are enough."""
    splits = list(shares)
    exact = {split: count * shares[split] for split in splits}
    quotas = {split: int(exact[split]) for split in splits}
    by_rest = sorted(splits, key=lambda split: (quotas[split] - exact[split], splits.index(split)))
    for split in by_rest[: count - sum(quotas.values())]:
        quotas[split] += 1
    for split in splits:
        largest = max(splits, key=lambda other: quotas[other])
        if shares[split] > 0 and quotas[split] == 0 and quotas[largest] > 1:
            quotas[split] += 1
            quotas[largest] -= 1
    return quotas
