"""The objects of Pascal VOC, and what CVAT and roLabelImg add to them: boxes that are turned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from yolokit.labels.shapes import Shape, rotated_corners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.formats.toolkit.xml_tree import XmlElement

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ROTATED = ("cx", "cy", "w", "h", "angle")
_MAX_DEGREES = 1e6


class VocBox(NamedTuple):
    """The box of an object: xyxy in px before it is turned, and by how much it is, clockwise."""

    xyxy: list[float]
    degrees: float = 0.0


def read_object(element: XmlElement, name: str) -> VocBox:
    """Return the box of an object of a class.

    Raises:
        ValueError: It has no class or no box of usable numbers.
    """
    if not name:
        raise ValueError("the object has no <name>")
    corners, rotated = element.find("bndbox"), element.find("robndbox")
    if corners is not None:
        box = VocBox(_read_numbers(corners, _CORNERS, name), _rotation_of(element))
    elif rotated is not None:
        cx, cy, w, h, radians = _read_numbers(rotated, _ROTATED, name)
        box = VocBox([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], math.degrees(radians))
    else:
        what = "has no <bndbox>"
        if element.find("polygon") is not None:
            what = "has a <polygon> and no <bndbox>, as LabelMe of MIT writes it: that is not read"
        raise ValueError(f"the {name} {what}")
    x1, y1, x2, y2 = box.xyxy
    if box.degrees and not (x1 <= x2 and y1 <= y2 and abs(box.degrees) < _MAX_DEGREES):
        raise ValueError(f"the turned box of the {name} ends before it begins")
    return box


def turn(xyxy: Sequence[float], degrees: float) -> Shape:
    """Return a box turned about its centre."""
    x1, y1, x2, y2 = xyxy
    corners = rotated_corners(((x1 + x2) / 2, (y1 + y2) / 2), (x2 - x1, y2 - y1), degrees)
    return Shape((corners,), "rotated")


def _rotation_of(element: XmlElement) -> float:
    """Return CVAT's attribute ``rotation``; one that is not a number is an attribute of a user."""
    attributes = element.find("attributes")
    for attribute in attributes.all("attribute") if attributes is not None else ():
        if attribute.text_of("name") == "rotation":
            try:
                degrees = float(attribute.text_of("value"))
            except ValueError:
                return 0.0
            return degrees % 360 if math.isfinite(degrees) else 0.0
    return 0.0


def _read_numbers(element: XmlElement, keys: Sequence[str], name: str) -> list[float]:
    texts = [element.text_of(key) for key in keys]
    try:
        return [float(text) for text in texts]
    except ValueError as error:
        shown = ", ".join(f"{key} {text!r}" for key, text in zip(keys, texts, strict=True))
        count = {4: "four", 5: "five"}[len(keys)]
        raise ValueError(f"the box of the {name} is not {count} numbers: {shown}") from error
