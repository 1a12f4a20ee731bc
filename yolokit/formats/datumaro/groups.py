"""Joins the parts of an object that Datumaro keeps as annotations of one group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from yolokit.formats.toolkit.object_groups import PartKind, is_one_object
from yolokit.labels.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.formats.datumaro.shapes import Part

_POINTS = ("points", "skeleton")


def join_groups(parts: Sequence[Part]) -> list[tuple[Part, list[Part]]]:
    """Join parts of one group and label: a box, its outlines, its keypoints.

    Where two of them are boxes, or two have keypoints, these are several objects, and all of the
    group stay as they are.

    Args:
        parts: Of one image.

    Returns:
        Each object, and the parts that became part of it and are not objects of their own.
    """
    groups: dict[tuple[int, int], list[Part]] = {}
    for at, part in enumerate(parts):
        key = (part.group, part.label) if part.group else (0, -1 - at)
        groups.setdefault(key, []).append(part)
    objects: list[tuple[Part, list[Part]]] = []
    for group in groups.values():
        if len(group) > 1 and is_one_object([_kind_of(part) for part in group]):
            objects.append(_join(group))
        else:
            objects += [(part, []) for part in group]
    return sorted(objects, key=lambda item: item[0].place)


def _kind_of(part: Part) -> PartKind:
    if part.kind == "bbox":
        return "box" if part.shape is None else "rotated"
    return "pose" if part.kind in _POINTS else "outline"


def _join(group: Sequence[Part]) -> tuple[Part, list[Part]]:
    """Join the parts of one object; its first box, else its first part, represents it."""
    leader = next((part for part in group if part.kind == "bbox"), group[0])
    pose = next((part for part in group if part.keypoints is not None), None)
    shapes = [part.shape for part in group if part.shape is not None]
    shape = shapes[0] if shapes else None
    if shape is not None and (len(shapes) > 1 or leader.xyxy is not None):
        rings = tuple(ring for one in shapes for ring in one.rings)
        remark = next((one.remark for one in shapes if one.remark is not None), None)
        stated = leader.xyxy is not None
        shape = Shape(rings, shape.kind, box_stated=stated, remark=remark)
    joined = msgspec.structs.replace(
        leader,
        shape=shape,
        keypoints=pose.keypoints if pose is not None else None,
        names=pose.names if pose is not None else (),
    )
    return joined, [part for part in group if part is not leader]
