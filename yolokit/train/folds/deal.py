"""Deals images into folds: each image in one, classes shared out alike, what is alike together.

The same names, labels, groups and seed give the same folds on every machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.convert.steps.assign_splits import stratify
from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.labels.splits import name_folds

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_NAMED = 5


class DealtImage(msgspec.Struct, frozen=True):
    """One image that is dealt.

    Attributes:
        key: ``<split>/<name>``: its name in the data set, wherever that lies; no other has it.
        path: The file.
        class_ids: The class of each of its boxes.
    """

    key: str
    path: str
    class_ids: tuple[int, ...] = ()


def join_groups(*labels: Sequence[Hashable]) -> list[int]:
    """Join what belongs together by any of several groupings, directly or by a chain.

    Args:
        labels: For each grouping, the group of each of N items; None is alone.

    Returns:
        The group of each item: the index of its first one.
    """
    parent = list(range(len(labels[0])))

    def find(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for grouping in labels:
        first: dict[Hashable, int] = {}
        for item, label in enumerate(grouping):
            if label is None:
                continue
            one, other = sorted((find(first.setdefault(label, item)), find(item)))
            parent[other] = one
    return [find(item) for item in range(len(parent))]


def deal(
    images: Sequence[DealtImage], group_of: Sequence[int], folds: int, seed: int
) -> dict[str, int]:
    """Deal images into folds, in which each class is on as many images as nearly as groups allow.

    Args:
        images: What is dealt.
        group_of: The group of each, all of which goes into one fold.
        folds: How many.
        seed: Of the order in which groups of one size are dealt.

    Returns:
        The key of each image, sorted, and its fold, from 1.

    Raises:
        DataError: There are fewer groups than folds, or a fold would have no box.
    """
    members: dict[int, list[DealtImage]] = {}
    for image, group in zip(images, group_of, strict=True):
        members.setdefault(group, []).append(image)
    _require_enough(members, folds)
    named = {min(image.key for image in group): group for group in members.values()}
    items = {
        name: [sorted(set(image.class_ids)) for image in named[name]] for name in sorted(named)
    }
    shares = name_folds(folds)
    number_of = {name: number for number, name in enumerate(shares, 1)}
    dealt = stratify(items, shares, seed)
    fold_of = {
        image.key: number_of[dealt[name]] for name, group in named.items() for image in group
    }
    _require_boxes(images, fold_of, folds)
    return dict(sorted(fold_of.items()))


def find_rare(
    images: Sequence[DealtImage], fold_of: dict[str, int], folds: int, names: Sequence[str]
) -> list[str]:
    """Return a sentence for each class that some folds have in no image."""
    sentences = []
    for class_id, name in enumerate(names):
        having = [image for image in images if class_id in image.class_ids]
        found = {fold_of[image.key] for image in having}
        if not 0 < len(found) < folds:
            continue
        why = "" if len(having) < folds else ", since those that are alike stay together"
        sentences.append(
            f"class {name} is on {counted(len(having), 'image')}, in {len(found)} of {folds} "
            f"folds{why}: it is measured in {'that one' if len(found) == 1 else 'those'} alone"
        )
    return sentences


def _require_enough(members: dict[int, list[DealtImage]], folds: int) -> None:
    if len(members) >= folds:
        return
    images = sum(map(len, members.values()))
    groups = counted(len(members), "group")
    kept = f" in {groups} of images that stay together" if len(members) < images else ""
    raise DataError(
        f"{folds} folds need as many images that are unlike: train and val have "
        f"{counted(images, 'image')}{kept}",
        hint="take fewer --folds" + ", or another fold_group" * bool(kept),
    )


def _require_boxes(images: Sequence[DealtImage], fold_of: dict[str, int], folds: int) -> None:
    labelled = {fold_of[image.key] for image in images if image.class_ids}
    empty = [str(number) for number in range(1, folds + 1) if number not in labelled]
    if empty:
        shown = ", ".join(empty[:_NAMED]) + ", ..." * (len(empty) > _NAMED)
        count = counted(sum(bool(image.class_ids) for image in images), "image has", "images have")
        raise DataError(
            f"nothing could be measured on fold {shown} of {folds}: only {count} a box",
            hint="take fewer --folds",
        )
