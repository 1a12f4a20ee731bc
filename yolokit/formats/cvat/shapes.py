"""What is drawn in CVAT: boxes, polygons, ellipses, masks and skeletons, as the XML has them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from yolokit.core.task import Task
from yolokit.core.types import F64
from yolokit.formats.toolkit.mask_codecs import require_area
from yolokit.formats.toolkit.object_groups import Part
from yolokit.formats.toolkit.xml_tree import XmlElement
from yolokit.labels.masks import decode_runs, mask_to_shape
from yolokit.labels.shapes import Shape, ellipse_shape, polygon, turned_box

AREAS = ("box", "polygon", "ellipse", "mask", "skeleton")
NO_AREAS = {
    "points": "points without a skeleton are not an area",
    "polyline": "a line is not an area",
    "tag": "a tag is about the whole image",
    "cuboid": "a cuboid is not a shape of the image plane",
}
"""What else is annotated, and why it is left out."""

_MAX_PX = 1e7
_BOX = ("xtl", "ytl", "xbr", "ybr")
_ELLIPSE = ("cx", "cy", "rx", "ry")
_OUTLINES = ("polygon", "ellipse", "mask")


class Drawing(msgspec.Struct, frozen=True, eq=False):
    """One shape.

    Attributes:
        kind: Its tag.
        points: (P, 2) px: two corners of a box, centre and radii of an ellipse, the points of a
            polygon or skeleton; none of a mask.
        degrees: How far a box or ellipse is turned about its centre, clockwise.
        names: The labels of a skeleton's points.
        visibility: Of a skeleton's points: 0 outside, 1 occluded, 2 visible.
        mask: A mask as outlines.
    """

    kind: str
    points: F64
    degrees: float = 0.0
    names: tuple[str, ...] = ()
    visibility: tuple[int, ...] = ()
    mask: Shape | None = None

    @property
    def is_outside(self) -> bool:
        """Whether it is a skeleton of which nothing is to be seen."""
        return self.kind == "skeleton" and not any(self.visibility)


def read_drawing(element: XmlElement) -> Drawing:
    """Read an element whose tag is one of ``AREAS``.

    Raises:
        ValueError: It has no usable geometry; the message says why.
    """
    if element.tag == "skeleton":
        return _read_skeleton(element)
    if element.tag == "mask":
        return _read_mask(element)
    degrees = _number(element, "rotation") if "rotation" in element.attributes else 0.0
    if element.tag == "polygon":
        return Drawing("polygon", polygon(_read_points(element)))
    names = _BOX if element.tag == "box" else _ELLIPSE
    values = np.array(_read_numbers(element, names), np.float64).reshape(2, 2)
    if element.tag == "ellipse" and (values[1] <= 0).any():
        raise ValueError("the ellipse has no radii above 0")
    if degrees and (values[1] < values[0]).any() and element.tag == "box":
        raise ValueError("the turned box ends before it begins")
    return Drawing(element.tag, values, degrees)


def interpolate(first: Drawing, second: Drawing, share: float) -> Drawing | None:
    """Return what lies between two key frames, None where they do not fit together.

    Args:
        first: What the result takes after where nothing changes gradually.
        second: The same at a later frame.
        share: How much of the way to it has gone, in (0, 1).
    """
    if first.kind != second.kind or first.kind == "mask":
        return None
    later = second.points
    if first.names != second.names:
        if sorted(first.names) != sorted(second.names):
            return None
        later = later[[second.names.index(name) for name in first.names]]
    if first.points.shape != later.shape:
        return None
    turn = (second.degrees - first.degrees + 180) % 360 - 180  # the shorter way round
    return msgspec.structs.replace(
        first,
        points=first.points + share * (later - first.points),
        degrees=(first.degrees + share * turn) % 360,
    )


def to_part(drawing: Drawing, label: str, line: int, group: str, task: Task) -> Part:
    """Convert a drawing to the model's types.

    Args:
        drawing: Not outside.
        label: The name of its class.
        line: Its line in the file.
        group: See :func:`group_of`.
        task: Where rotated boxes are wanted, a box that is not turned is one of angle 0.
    """
    points = drawing.points
    if drawing.kind == "box":
        x1, y1, x2, y2 = xyxy = points.ravel().tolist()
        if drawing.degrees % 360:
            return Part("rotated", label, line, group, shape=turned_box(xyxy, drawing.degrees))
        wanted = task == Task.OBB and x1 <= x2 and y1 <= y2
        shape = turned_box(xyxy, drawing.degrees) if wanted else None
        return Part("box", label, line, group, xyxy, shape)
    if drawing.kind == "skeleton":
        keypoints = np.column_stack([points, drawing.visibility])
        return Part("pose", label, line, group, keypoints=keypoints, names=drawing.names)
    if drawing.kind == "ellipse":
        center, radii = points.tolist()
        shape = ellipse_shape(center, radii, drawing.degrees)
    else:
        shape = drawing.mask or Shape((points,))
    return Part("outline", label, line, group, shape=shape)


def order_points(part: Part, names: Sequence[str]) -> F64 | None:
    """Return (K, 3) keypoints in the order of ``names``, None for a part without any."""
    if part.keypoints is None:
        return None
    keypoints = np.zeros((len(names), 3), np.float64)
    for name, point in zip(part.names, part.keypoints, strict=True):
        if point[2] and name in names:
            keypoints[names.index(name)] = point
    return keypoints


def _read_skeleton(element: XmlElement) -> Drawing:
    names: list[str] = []
    visibility: list[int] = []
    points: list[list[float]] = []
    for child in element.all("points"):
        name = child.attributes.get("label", "").strip()
        at = _read_points(child)
        if not name or name in names or len(at) != 1:
            raise ValueError("a point of the skeleton has no label of its own or no x, y pair")
        names.append(name)
        points += at
        hidden = 1 if child.attributes.get("occluded") == "1" else 2
        visibility.append(0 if child.attributes.get("outside") == "1" else hidden)
    if not names:
        raise ValueError("the skeleton has no points")
    return Drawing("skeleton", np.array(points, np.float64), 0.0, tuple(names), tuple(visibility))


def _read_mask(element: XmlElement) -> Drawing:
    """Decode CVAT's run lengths: along the rows of the mask's own box, background first."""
    names = ("left", "top", "width", "height")
    left, top, width, height = map(int, _read_numbers(element, names))
    texts = element.attributes.get("rle", "").split(",")
    try:
        runs = [int(text) for text in texts]
    except ValueError as error:
        raise ValueError("the mask's `rle` are not run lengths") from error
    if min(width, height) < 1 or max(runs) > _MAX_PX * _MAX_PX:
        raise ValueError(f"a mask of {width}x{height} px is not decoded")
    mask = decode_runs(runs, (height, width), by="rows")
    shape = require_area(mask_to_shape(mask, (float(left), float(top))), "the mask")
    return Drawing("mask", np.zeros((0, 2)), mask=shape)


def _read_points(element: XmlElement) -> list[list[float]]:
    """Read ``x,y;x,y``."""
    pairs = [pair.split(",") for pair in element.attributes.get("points", "").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("its `points` are not x,y pairs")
    return [[_to_float(text, "points") for text in pair] for pair in pairs]


def _read_numbers(element: XmlElement, names: Sequence[str]) -> list[float]:
    try:
        values = [float(element.attributes[name]) for name in names]
    except (KeyError, ValueError):
        values = []
    if values and math.isfinite(sum(values)) and max(map(abs, values)) <= _MAX_PX:
        return values
    return [_number(element, name) for name in names]  # which says what is wrong


def _number(element: XmlElement, name: str) -> float:
    if name not in element.attributes:
        raise ValueError(f"it has no `{name}`")
    return _to_float(element.attributes[name], name)


def _to_float(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"its `{name}` is not a number: {text[:40]!r}") from error
    if not math.isfinite(value) or abs(value) > _MAX_PX:
        raise ValueError(f"its `{name}` is {text[:40]}, which is nowhere in an image")
    return value


def group_of(element: XmlElement) -> str:
    """Return the ``group_id`` of a shape or track; 0 is none."""
    stated = element.attributes.get("group_id")
    if stated is None or stated == "0":  # nearly always
        return ""
    group = stated.strip().lstrip("0")
    return group if group.isdecimal() else ""


def split_fragments(elements: Iterable[XmlElement]) -> tuple[list[XmlElement], list[XmlElement]]:
    """Separate shapes from polygons of fewer than three points beside an outline.

    A stray click leaves one; it is in the group of the outline.
    """
    shapes = list(elements)
    fragments = [one for one in shapes if one.tag == "polygon" and _is_fragment(one)]
    if not fragments:
        return shapes, []
    outlines = [one for one in shapes if one.tag in _OUTLINES and one not in fragments]
    whole = {_key_of(one) for one in outlines}
    fragments = [one for one in fragments if _key_of(one) in whole]
    return [one for one in shapes if one not in fragments], fragments


def _key_of(element: XmlElement) -> tuple[str, str]:
    return element.attributes.get("label", "").strip(), group_of(element)


def _is_fragment(polygon: XmlElement) -> bool:
    few = polygon.attributes.get("points", "").count(";") < 2
    return few and group_of(polygon) != ""
