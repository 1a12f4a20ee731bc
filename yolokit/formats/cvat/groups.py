"""Shapes that are grouped in CVAT: a box and its skeleton, the outlines of one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from yolokit.formats.cvat.shapes import Drawing, Geometry, to_geometry
from yolokit.formats.toolkit.object_groups import PartKind, is_one_object
from yolokit.labels.shapes import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yolokit.core.task import Task
    from yolokit.formats.toolkit.xml_tree import XmlElement

_OUTLINES = ("polygon", "ellipse", "mask")


class Label(NamedTuple):
    """One annotation of an image.

    Attributes:
        name: Of its class.
        line: Its line in the file.
        drawings: Its shape, or the parts of one object.
        group: What grouped shapes of an image share; an empty text for none.
    """

    name: str
    line: int
    drawings: tuple[Drawing, ...]
    group: str = ""

    @property
    def skeleton(self) -> Drawing | None:
        """The part that has keypoints."""
        return next((one for one in self.drawings if one.kind == "skeleton"), None)


def group_of(element: XmlElement) -> str:
    """Return the ``group_id`` of a shape or track; 0 is none."""
    group = element.attributes.get("group_id", "").strip().lstrip("0")
    return group if group.isdecimal() else ""


def join_groups(labels: Sequence[Label]) -> list[Label]:
    """Join the annotations of one image, or frame, that are parts of one object."""
    members: dict[tuple[str, str], list[Label]] = {}
    for label in labels:
        if label.group:
            members.setdefault((label.name, label.group), []).append(label)
    joined: dict[int, Label | None] = {}
    for parts in members.values():
        drawings = tuple(drawing for part in parts for drawing in part.drawings)
        if len(parts) > 1 and is_one_object([_kind_of(drawing) for drawing in drawings]):
            leader = next((part for part in parts if part.drawings[0].kind == "box"), parts[0])
            joined |= {id(part): None for part in parts}
            joined[id(leader)] = leader._replace(drawings=drawings)
    found = (joined.get(id(label), label) for label in labels)
    return [label for label in found if label is not None]


def _kind_of(drawing: Drawing) -> PartKind:
    if drawing.kind == "box":
        return "rotated" if drawing.degrees % 360 else "box"
    return "pose" if drawing.kind == "skeleton" else "outline"


def join_geometry(drawings: Sequence[Drawing], task: Task) -> Geometry:
    """Convert the parts of one object to the model's types."""
    outlines = [one for one in drawings if one.kind in _OUTLINES]
    box = next((one for one in drawings if one.kind == "box"), None)
    if not outlines or len(drawings) == 1:
        return to_geometry(box or drawings[0], task)
    shapes = [shape for one in outlines if (shape := to_geometry(one, task).shape) is not None]
    shape = Shape(
        tuple(ring for one in shapes for ring in one.rings),
        box_stated=box is not None,
        remark=next((one.remark for one in shapes if one.remark is not None), None),
    )
    return Geometry(None if box is None else box.points.ravel().tolist(), shape)


def split_fragments(
    elements: Iterable[XmlElement],
) -> tuple[list[XmlElement], list[XmlElement]]:
    """Separate shapes from polygons of fewer than three points beside an outline.

    A stray click leaves one; it is in the group of the outline.
    """
    shapes = list(elements)
    whole = {_key_of(one) for one in shapes if one.tag in _OUTLINES and not _is_fragment(one)}
    fragments = [one for one in shapes if _is_fragment(one) and _key_of(one) in whole]
    return [one for one in shapes if one not in fragments], fragments


def _key_of(element: XmlElement) -> tuple[str, str]:
    return element.attributes.get("label", "").strip(), group_of(element)


def _is_fragment(element: XmlElement) -> bool:
    few = element.attributes.get("points", "").count(";") < 2
    return element.tag == "polygon" and few and group_of(element) != ""
