"""What is annotated in Datumaro JSON, converted to the model's types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from yolokit.core.types import F64
from yolokit.formats.toolkit.mask_codecs import require_area, shape_of_mask
from yolokit.formats.toolkit.object_groups import Part
from yolokit.labels.shapes import Shape, ellipse_shape, polygon, rotated_corners

NO_AREAS = {
    "label": "a label is about the whole image",
    "caption": "a caption is about the whole image",
    "polyline": "a line is not an area",
    "cuboid_2d": "a cuboid is not a shape of the image plane",
    "cuboid_3d": "a cuboid is not a shape of the image plane",
    "super_resolution_annotation": "an image is not an area",
    "depth_annotation": "a map of depths is not an area",
    "feature_vector": "a vector of features is not an area",
    "hash_key": "a hash is not an area",
    "tabular": "a table is not an area",
}
"""What else is annotated, and why it is left out."""

_MAX_PX = 1e7
_SHOWN = 60


def read_part(item: dict[str, Any], kind: str, place: int, labels: Sequence[str]) -> Part:
    """Read an annotation whose type is none of ``NO_AREAS``; ``labels`` are those of the file.

    Raises:
        ValueError: It is not a usable annotation; the message says why.
    """
    at, group = item.get("label_id"), item.get("group") or 0
    if type(at) is not int or not 0 <= at < len(labels):
        raise ValueError(f"its `label_id` {str(at)[:_SHOWN]} is not in `categories`")
    part = Part("outline", labels[at], place, str(group) if type(group) is int and group else "")
    if kind == "bbox":
        return _read_box(item, part)
    if kind == "points":
        return msgspec.structs.replace(part, kind="pose", keypoints=_read_points(item))
    if kind == "skeleton":
        keypoints, names = _read_skeleton(item, labels)
        return msgspec.structs.replace(part, kind="pose", keypoints=keypoints, names=names)
    if kind == "mask":
        shape = require_area(shape_of_mask(_run_lengths(item), box_stated=False), "the mask")
    elif kind == "polygon":
        shape = Shape((polygon(_numbers(item.get("points"), "points").reshape(-1)),))
    elif kind == "ellipse":
        shape = _read_ellipse(item)
    else:
        raise ValueError(f"its type {kind[:_SHOWN]!r} is not known")
    return msgspec.structs.replace(part, shape=shape)


def _read_box(item: dict[str, Any], part: Part) -> Part:
    """Read ``[x, y, width, height]``, which CVAT turns about its centre by an attribute."""
    x, y, width, height = _numbers(item.get("bbox"), "bbox", 4).tolist()
    attributes = item.get("attributes")
    rotation = attributes.get("rotation") if isinstance(attributes, dict) else None
    is_number = type(rotation) in (int, float)  # a text is a user's own attribute
    degrees = float(_numbers([rotation], "rotation")[0]) if is_number else 0.0
    if not degrees % 360:
        return msgspec.structs.replace(part, kind="box", xyxy=(x, y, x + width, y + height))
    if min(width, height) < 0:
        raise ValueError("the turned box ends before it begins")
    corners = rotated_corners((x + width / 2, y + height / 2), (width, height), degrees)
    return msgspec.structs.replace(part, kind="rotated", shape=Shape((corners,), "rotated"))


def _run_lengths(item: dict[str, Any]) -> dict[str, Any]:
    runs = item.get("rle")
    if not isinstance(runs, dict) or not runs:
        raise ValueError("the mask has no `rle`")
    return runs


def _read_ellipse(item: dict[str, Any]) -> Shape:
    """Read an ellipse as the corners of the box that it touches."""
    x1, y1, x2, y2 = _numbers(item.get("points"), "points", 4).tolist()
    if x2 <= x1 or y2 <= y1:
        raise ValueError("the ellipse has no area")
    return ellipse_shape(((x1 + x2) / 2, (y1 + y2) / 2), ((x2 - x1) / 2, (y2 - y1) / 2))


def _read_points(item: dict[str, Any]) -> F64:
    """Return (K, 3): x, y and Datumaro's visibility 0 absent, 1 hidden, 2 visible."""
    flat = _numbers(item.get("points"), "points")
    if len(flat) % 2 or not len(flat):
        raise ValueError("its `points` are not x, y pairs")
    stated = item.get("visibility")
    count = len(flat) // 2
    visibility = np.full(count, 2.0) if stated is None else _numbers(stated, "visibility", count)
    if not np.isin(visibility, (0, 1, 2)).all():
        raise ValueError("its `visibility` has values other than 0, 1 and 2")
    keypoints = np.concatenate([flat.reshape(-1, 2), visibility[:, None]], axis=1)
    keypoints[visibility == 0] = 0
    return keypoints


def _read_flat_points(item: dict[str, Any]) -> F64:
    """Return (K, 3) of ``[x, y, visibility, x, y, ...]``."""
    flat = _numbers(item.get("points"), "points")
    if len(flat) % 3:
        raise ValueError("the `points` of the skeleton are not x, y, visibility of each")
    keypoints = flat.reshape(-1, 3)
    if not np.isin(keypoints[:, 2], (0, 1, 2)).all():
        raise ValueError("the `points` of the skeleton have a visibility other than 0, 1 and 2")
    keypoints[keypoints[:, 2] == 0] = 0
    return keypoints


def is_fragment(item: dict[str, Any]) -> bool:
    """Tell whether an item is what a stray click leaves: a polygon of fewer than three points."""
    points = item.get("points")
    return item.get("type") == "polygon" and isinstance(points, list) and len(points) < 6


def group_key(item: dict[str, Any]) -> str:
    """Return what parts of one object have in common, an empty text for what is in no group."""
    group = item.get("group")
    return f"{item.get('label_id')} {group}" if type(group) is int and group else ""


def groups_of_outlines(items: Sequence[Any]) -> frozenset[str]:
    """Return the groups in which there is an outline."""
    return frozenset(
        group_key(item)
        for item in items
        if isinstance(item, dict)
        and item.get("type") in ("polygon", "mask", "ellipse")
        and not is_fragment(item)
    ) - {""}


def _read_skeleton(item: dict[str, Any], labels: Sequence[str]) -> tuple[F64, tuple[str, ...]]:
    """Return the points of a skeleton, and their labels where it has an element for each.

    CVAT writes flat points instead, in the order of the category.
    """
    elements = item.get("elements")
    if not elements and item.get("points"):
        return _read_flat_points(item), ()
    if not isinstance(elements, list) or not elements:
        raise ValueError("the skeleton has neither `points` nor `elements`")
    names: list[str] = []
    points: list[F64] = []
    for element in elements:
        label = element.get("label_id") if isinstance(element, dict) else None
        if type(label) is not int or not 0 <= label < len(labels) or labels[label] in names:
            raise ValueError("a point of the skeleton has no label of its own")
        names.append(labels[label])
        points.append(_read_points(element))
        if len(points[-1]) != 1:
            raise ValueError("an element of the skeleton is not one point")
    return np.concatenate(points), tuple(names)


def _numbers(values: Any, key: str, count: int | None = None) -> F64:
    """Return a list of numbers as (N,) float64.

    Raises:
        ValueError: It is none, has another length, or a number that is nowhere in an image.
    """
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError(f"its `{key}` are not a list of numbers: {str(values)[:_SHOWN]}")
    if count is not None and len(values) != count:
        raise ValueError(f"its `{key}` are not {count} numbers: {str(values)[:_SHOWN]}")
    if not all(abs(value) < _MAX_PX for value in values):  # NaN is not, nor what no float holds
        raise ValueError(f"its `{key}` hold what is nowhere in an image: {str(values)[:_SHOWN]}")
    return np.array(values, np.float64)
