"""Keypoints that a data set's annotations have, and what mirroring makes of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from yolokit.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SIDES = {"left": "right", "right": "left", "l": "r", "r": "l"}


class PoseLayout(msgspec.Struct, frozen=True):
    """The keypoints that each annotation of a data set has.

    Attributes:
        names: Of the keypoints, in order; numbered where the source has no names.
        flip_indices: For each keypoint the one that it becomes in a mirrored image, or None
            where that is not known; upstream's ``flip_idx``.
        has_visibility: Whether the source states which points are visible.
    """

    names: tuple[str, ...]
    flip_indices: tuple[int, ...] | None = None
    has_visibility: bool = True

    def __post_init__(self) -> None:
        if not self.names:
            raise ValueError("a pose has keypoints")
        flips = self.flip_indices
        if flips is not None and sorted(flips) != list(range(len(self.names))):
            raise ValueError("flip indices name each keypoint once")


def describe_pose(names: Sequence[str], *, has_visibility: bool = True) -> PoseLayout:
    """Describe keypoints by their names: ``left_eye`` becomes ``right_eye`` in a mirrored image.

    Where no name has a side, nothing is said about mirroring: what is symmetric is not known.
    """
    positions = {_key(name): at for at, name in enumerate(names)}
    flips = [positions.get(_key(name, mirrored=True), at) for at, name in enumerate(names)]
    mirrored = any(flip != at for at, flip in enumerate(flips))
    known = mirrored and sorted(flips) == list(range(len(names)))
    return PoseLayout(tuple(names), tuple(flips) if known else None, has_visibility)


def describe_only_pose(
    described: Mapping[tuple[str, ...], str],
    who: str,
    path: Path,
    *,
    points: str = "points",
    hint: str | None = None,
) -> PoseLayout | None:
    """Describe the keypoints that all classes of a source have, None if none has any.

    ``described`` leads from the names of keypoints to a class that has these; ``who`` and
    ``points`` are what the source calls its classes and keypoints.

    Raises:
        DataError: Two classes have different keypoints.
    """
    if len(described) > 1:
        first, second = list(described.values())[:2]
        raise DataError(
            f"the {who} {first!r} and {second!r} have different {points}; a detector of poses has "
            "the same for all",
            path=path,
            hint=hint,
        )
    return describe_pose(next(iter(described))) if described else None


def _key(name: str, *, mirrored: bool = False) -> tuple[str, ...]:
    """Return the words of a name, sides swapped for its mirror image."""
    words = re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return tuple(_SIDES.get(word, word) if mirrored else word for word in words)
