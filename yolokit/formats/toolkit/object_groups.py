"""Annotations that a tool keeps in one group since they are parts of one object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from yolokit.core.types import F64
from yolokit.labels.shapes import Shape

PartKind: TypeAlias = Literal["box", "rotated", "outline", "pose"]

GROUP = ("join", "separate")
"""What ``--assume group`` may be."""

BOX_OF_POINTS = "skeleton-to-box: the box around its points"
"""The remark on an annotation whose box is :attr:`Part.box_of_points`."""


class Part(msgspec.Struct, frozen=True, eq=False):
    """One annotation: an object, or a part of one.

    Attributes:
        kind: What it is; a ``rotated`` box is turned.
        label: The name of its class.
        place: Of it in its source file.
        group: What it shares with the other parts of its object; empty for none.
        xyxy: Its box in px, if it is one.
        shape: Its outline or rotated box.
        keypoints: (K, 3) float64, x, y and visibility.
        names: What the keypoints are called, where the annotation itself says so.
    """

    kind: PartKind
    label: str
    place: int
    group: str = ""
    xyxy: Sequence[float] | None = None
    shape: Shape | None = None
    keypoints: F64 | None = None
    names: tuple[str, ...] = ()

    @property
    def box_of_points(self) -> list[float] | None:
        """The xyxy box around the keypoints that are labelled, None where none is."""
        if self.keypoints is None or not self.keypoints[:, 2].any():
            return None
        seen = self.keypoints[self.keypoints[:, 2] > 0, :2]
        return [*seen.min(axis=0).tolist(), *seen.max(axis=0).tolist()]


def join_parts(parts: Sequence[Part]) -> list[tuple[Part, list[Part]]]:
    """Join parts of one label and group in an image: a box, its outlines, its keypoints.

    Where two of them are boxes, or two have keypoints, these are several objects, and all of the
    group stay as they are. A box that is turned is not a box of outlines.

    Returns:
        Each object, and the parts that became part of it and are not objects of their own.
    """
    groups: dict[tuple[str, str], list[Part]] = {}
    for part in parts:
        if part.group:
            groups.setdefault((part.label, part.group), []).append(part)
    if not groups:
        return [(part, []) for part in parts]
    joined: dict[int, tuple[Part, list[Part]] | None] = {}
    for group in groups.values():
        if len(group) > 1 and _is_one_object(group):
            # Its box represents an object, else its first part.
            leader = next((part for part in group if part.kind in ("box", "rotated")), group[0])
            rest = [part for part in group if part is not leader]
            joined |= dict.fromkeys(map(id, rest))
            joined[id(leader)] = _join(leader, group), rest
    objects = (joined.get(id(part), (part, [])) for part in parts)
    return [one for one in objects if one is not None]


def _is_one_object(group: Sequence[Part]) -> bool:
    count = Counter(part.kind for part in group)
    boxes = count["box"] + count["rotated"]
    return boxes < 2 and count["pose"] < 2 and not (count["rotated"] and count["outline"])


def _join(leader: Part, group: Sequence[Part]) -> Part:
    shape = leader.shape
    outlines = [part.shape for part in group if part.kind == "outline" and part.shape is not None]
    if outlines:
        rings = tuple(ring for one in outlines for ring in one.rings)
        remark = next((one.remark for one in outlines if one.remark is not None), None)
        shape = Shape(rings, box_stated=leader.xyxy is not None, remark=remark)
    pose = next((part for part in group if part.kind == "pose"), leader)
    return msgspec.structs.replace(leader, shape=shape, keypoints=pose.keypoints, names=pose.names)
