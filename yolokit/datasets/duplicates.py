"""Pictures that a data set holds more than once: in several files or splits."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.types import I64, Bool
from yolokit.datasets.statistics import number_splits
from yolokit.images.near_duplicates import Matches, match_equal, match_near
from yolokit.images.scan import ImageScan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yolokit.datasets.label_table import LabelTable


class Duplicates(msgspec.Struct, frozen=True, eq=False):
    """What each image of a table of labels is the same as.

    Attributes:
        splits: Their names, as the columns of images have them.
        split_of: (I,) int64, the split of each image, as an index of these.
        is_repeat: (I,) bool, whether its split lists the same file before.
        equal: Images whose files have the same bytes; of a file that was not read, the same path.
        near: Images that look the same; see :func:`yolokit.images.near_duplicates.match_near`.
    """

    splits: tuple[str, ...]
    split_of: I64
    is_repeat: Bool
    equal: Matches
    near: Matches

    def equal_in(self, split: str, other: str) -> tuple[I64, I64]:
        """Return the images of a split whose bytes another one has too, and one of it for each."""
        return self._matched(self.equal.nearest, split, other)

    def near_in(self, split: str, other: str) -> tuple[I64, I64]:
        """Return the images of a split that look like one of another, and that one for each.

        What has the same bytes as one of the other split is not among them.
        """
        only_near = np.where(self.equal.nearest < 0, self.near.nearest, -1)
        return self._matched(only_near, split, other)

    def is_mirrored(self, images: I64, other: str) -> Bool:
        """(N,) bool: whether images look like one of another split in a mirror only."""
        found: Bool = self.near.is_mirrored[self.splits.index(other), images]
        return found

    def groups(self) -> list[I64]:
        """Return the images of each group of equal or near ones, the largest group first."""
        kept = np.flatnonzero(~self.is_repeat)
        labels = self.near.groups[self.equal.groups[kept]]
        order = np.argsort(labels, kind="stable")
        cuts = np.flatnonzero(np.diff(labels[order])) + 1
        found = [group for group in np.split(kept[order], cuts) if len(group) > 1]
        return sorted(found, key=len, reverse=True)

    def _matched(self, nearest: I64, split: str, other: str) -> tuple[I64, I64]:
        found = nearest[self.splits.index(other)]
        images = np.flatnonzero((self.split_of == self.splits.index(split)) & (found >= 0))
        return images, found[images]


def find_duplicates(table: LabelTable, scans: Mapping[str, ImageScan]) -> Duplicates:
    """Match the images of a table with each other, by what was found out about their files."""
    splits, split_of = number_splits(table.images)
    seen: set[tuple[str, str]] = set()
    is_repeat = np.zeros(len(table.images), np.bool_)
    for at, place in enumerate(zip(table.images.splits, table.images.paths, strict=True)):
        is_repeat[at] = bool(place[1]) and place in seen
        seen.add(place)
    once = [
        ("" if again else path)
        for path, again in zip(table.images.paths, is_repeat.tolist(), strict=True)
    ]
    unknown = ImageScan()
    found = [scans.get(path, unknown) if path else unknown for path in once]
    keys = [scan.digest or os.fsencode(path) for path, scan in zip(once, found, strict=True)]
    return Duplicates(
        splits,
        split_of,
        is_repeat,
        match_equal(keys, split_of, len(splits)),
        match_near([scan.hash_bits for scan in found], split_of, len(splits)),
    )


def find_other_labels(table: LabelTable, pairs: Iterator[tuple[int, int]]) -> int:
    """Count the pairs of images whose labels differ in more than their order."""
    starts = table.starts
    return sum(_labels_of(table, starts, a) != _labels_of(table, starts, b) for a, b in pairs)


def _labels_of(table: LabelTable, starts: I64, image: int) -> list[tuple[int, ...]]:
    rows = slice(int(starts[image]), int(starts[image + 1]))
    boxes = np.rint(table.xyxy[rows] * 1000).astype(np.int64)
    return sorted(map(tuple, np.column_stack([table.class_ids[rows], boxes]).tolist()))
