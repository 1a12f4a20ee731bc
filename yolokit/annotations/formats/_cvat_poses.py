"""Poses with a box of their own: a ``<box>`` and a ``<skeleton>`` that are grouped in CVAT."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.annotations.xml_tree import XmlElement


def pair_poses(shapes: Sequence[XmlElement]) -> Iterator[tuple[int, int]]:
    """Yield the positions of each box and skeleton of an image that are one object.

    They are the only ones that have their label and their ``group_id``, which is not 0.
    """
    if all(shape.tag != "skeleton" for shape in shapes):
        return
    members: dict[tuple[str, str], dict[str, list[int]]] = {}
    for at, shape in enumerate(shapes):
        group = shape.attributes.get("group_id", "").strip().lstrip("0")
        if group.isdecimal() and shape.tag in ("box", "skeleton"):
            label = shape.attributes.get("label", "").strip()
            tags = members.setdefault((label, group), {"box": [], "skeleton": []})
            tags[shape.tag].append(at)
    for tags in members.values():
        if len(tags["box"]) == len(tags["skeleton"]) == 1:
            yield tags["box"][0], tags["skeleton"][0]
