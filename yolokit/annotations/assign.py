"""Gives each image of a conversion its split: the source's own, or a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.annotations.filters import keyed_images
from yolokit.annotations.groups import GroupPlan, group_images
from yolokit.annotations.model import LabelledImage
from yolokit.annotations.split import stratify

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from yolokit.annotations.ledger import Ledger
    from yolokit.annotations.model import ImageRecord


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


def deal_out(
    images: Iterable[LabelledImage],
    shares: Mapping[str, float],
    seed: int,
    group: GroupPlan | None = None,
) -> dict[str, str]:
    """Make a split: key of each image to its split, for :func:`set_splits`.

    Args:
        images: Settled.
        shares: Split to its share.
        seed: Another one gives another split.
        group: What must stay together; None to deal out each image by itself.
    """
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
