"""Regions of Label Studio: results that belong together, and their geometry in px.

Everything is in percent of the original image, whose width and height each result states, and of
which the view alone is turned by ``image_rotation``. A rotation is clockwise, in degrees, in
pixels: about the top-left corner of a rectangle and about the centre of an ellipse.

Source: label-studio-sdk ``converter/utils.py:convert_annotation_to_yolo_obb``, and
label-studio ``web/libs/editor/src/regions`` (``serialize`` of each region).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from yolokit.core.plural import counted
from yolokit.core.types import F64, U8, Bool
from yolokit.formats.toolkit.json_file import (
    as_dict,
    as_list,
    as_number,
    as_numbers,
    as_size,
    as_text,
)
from yolokit.formats.toolkit.mask_codecs import require_area
from yolokit.labels.ledger import Action
from yolokit.labels.masks import mask_to_shape
from yolokit.labels.shapes import Shape, ellipse_shape, polygon, rotated_about_corner

_HIDDEN = frozenset({"hidden", "occluded"})
_AREAS = ("rectangle", "polygon", "ellipse", "brush")
_MAX_BRUSH_PIXELS = 1 << 26
"""Larger masks are refused: each pixel is unpacked to four bytes."""

_CHANNELS = 4  # the mask is the alpha channel of an RGBA image


class Region(NamedTuple):
    """Results with one id.

    Attributes:
        id: Of the region; empty if it states none.
        kind: ``rectangle``, ``polygon``, ``ellipse``, ``brush`` or ``keypoint``; else the type of
            its first result.
        value: Of the result with its geometry.
        labels: What it is called; usually one.
        size: Width and height of the original image in px, or twice None.
        parent: The id of the region that it is part of, or empty.
        control: The ``from_name`` of the control that it was made with.
        item: Which image of the task it is in, from 0.
        hidden: A choice on it says that it is hidden.
    """

    id: str
    kind: str
    value: dict[str, Any]
    labels: tuple[str, ...]
    size: tuple[int, int] | tuple[None, None]
    parent: str
    control: str
    item: int
    hidden: bool

    @property
    def is_area(self) -> bool:
        """Whether it covers something, as a detection does."""
        return self.kind in _AREAS

    @property
    def is_part(self) -> bool:
        """Whether it is a keypoint of another region."""
        return self.kind == "keypoint" and bool(self.parent)


def group_results(results: Iterable[Any]) -> tuple[list[Region], int]:
    """Put the results of an annotation together to regions; also return how many relate others.

    ``Labels`` beside ``Rectangle`` and choices on a region are results of their own with its id.
    """
    groups: list[list[dict[str, Any]]] = []
    by_id: dict[str, list[dict[str, Any]]] = {}
    relations = 0
    for item in results:
        result = as_dict(item)
        if result.get("type") == "relation":
            relations += 1
            continue
        key = as_text(result.get("id"))
        group = by_id.get(key) if key else None
        if group is None or (_kind_of(result) and _has_type(group, result.get("type"))):
            group = []
            groups.append(group)
            if key:
                by_id[key] = group
        group.append(result)
    return [_make_region(group) for group in groups], relations


def _has_type(group: list[dict[str, Any]], wanted: Any) -> bool:
    return any(result.get("type") == wanted for result in group)


def _make_region(group: list[dict[str, Any]]) -> Region:
    shaped = next((result for result in group if _kind_of(result)), group[0])
    labels: dict[str, str] = {}
    for result in group:
        for label in _labels_of(as_dict(result.get("value"))):
            labels.setdefault(label, as_text(result.get("from_name")))
    choices = [c for r in group for c in as_list(as_dict(r.get("value")).get("choices"))]
    item = shaped.get("item_index", as_dict(shaped.get("value")).get("item_index"))
    control = next(iter(labels.values()), as_text(shaped.get("from_name")))
    return Region(
        as_text(shaped.get("id")),
        _kind_of(shaped) or as_text(shaped.get("type")) or "unknown",
        as_dict(shaped.get("value")),
        tuple(labels),
        as_size(shaped.get("original_width"), shaped.get("original_height")),
        as_text(shaped.get("parentID")),
        control,
        item if type(item) is int else 0,
        any(as_text(choice).lower() in _HIDDEN for choice in choices),
    )


def _labels_of(value: dict[str, Any]) -> list[str]:
    """Return the labels in a value: the list under ``rectanglelabels`` and the like."""
    lists = [found for key, found in value.items() if key.endswith("labels")]
    return [text for labels in lists for label in as_list(labels) if (text := as_text(label))]


def _kind_of(result: dict[str, Any]) -> str:
    """Tell from its values what a result draws; empty if nothing that is understood."""
    value = as_dict(result.get("value"))
    if as_text(result.get("type")).startswith(("video", "vector", "bitmask", "cuboid")):
        return ""
    if "rle" in value:
        return "brush"
    if "points" in value:
        return "polygon"
    if "radiusX" in value:
        return "ellipse"
    if "x" in value and "y" in value:
        return "rectangle" if "height" in value else "keypoint"
    return ""


@np.errstate(over="ignore", invalid="ignore")  # what overflows is not finite and refused
def shape_of_region(
    region: Region, image_wh: tuple[int, int], *, rotated: bool
) -> tuple[list[float] | None, Shape | None]:
    """Return the xyxy of a plain box, or the shape of anything else, in px.

    Args:
        region: One that is an area.
        image_wh: Of the original image.
        rotated: Give every rectangle as a rotated box.

    Raises:
        ValueError: Its values are missing or no numbers; the message says which.
    """
    value = region.value
    width_px, height_px = image_wh
    if region.kind == "brush":
        mask = _decode_brush(value["rle"], (height_px, width_px))
        return None, require_area(mask_to_shape(mask), "the brush")
    scale_x, scale_y = width_px / 100, height_px / 100
    if region.kind == "polygon":
        return None, Shape((_finite(polygon(value["points"]) * [scale_x, scale_y]),))
    degrees = as_number(value.get("rotation") or 0, "`rotation`")
    if region.kind == "ellipse":
        x, y, radius_x, radius_y = as_numbers(value, "x", "y", "radiusX", "radiusY")
        center, radii = (x * scale_x, y * scale_y), (radius_x * scale_x, radius_y * scale_y)
        return None, ellipse_shape(center, radii, degrees)
    x, y, width, height = as_numbers(value, "x", "y", "width", "height")
    corner, size = (x * scale_x, y * scale_y), (width * scale_x, height * scale_y)
    if not rotated and not degrees % 360:
        return [*corner, corner[0] + size[0], corner[1] + size[1]], None
    corners = rotated_about_corner(corner, size, degrees)
    return None, Shape((_finite(corners),), "rotated")


def _finite(ring: F64) -> F64:
    if not np.isfinite(ring).all():
        raise ValueError("it holds a value that is not finite")
    return ring


def point_of_region(region: Region, image_wh: tuple[int, int]) -> tuple[float, float, float]:
    """Return x and y of a keypoint in px, and its visibility.

    Raises:
        ValueError: It has no finite place.
    """
    x, y = as_numbers(region.value, "x", "y")
    if not np.isfinite([x, y]).all():
        raise ValueError("a keypoint has a value that is not finite")
    return x * image_wh[0] / 100, y * image_wh[1] / 100, 1.0 if region.hidden else 2.0


def without_parts(regions: list[tuple[int, Region]]) -> list[tuple[int, Region]]:
    """Return the regions that are annotations, not keypoints of one."""
    areas = {region.id for _, region in regions if region.is_area}
    return [(p, r) for p, r in regions if not (r.is_part and r.parent in areas)]


def why_no_area(region: Region) -> tuple[Action, str, str] | None:
    """Return how to enter a region that is not an area with a label, or None."""
    if region.kind == "keypoint":
        which = "its parent is not an area" if region.parent else "it has no parent"
        return "excluded", "not-an-area", f"a keypoint alone is not an object: {which}"
    if region.kind.startswith("bitmask"):
        return "dropped", "unsupported-region", f"a {region.kind} is not read"
    if not region.is_area:
        return "excluded", "not-an-area", f"a result of type {region.kind} is not an area"
    if not region.labels:
        return "dropped", "no-label", f"the {region.kind} has no label"
    return None


def _decode_brush(rle: Any, shape: tuple[int, int]) -> Bool:
    """Decode the bytes of a region's ``rle`` into the (H, W) mask of the image under it.

    Raises:
        ValueError: It is not a list of bytes, is cut short, or has another size.
    """
    height, width = shape
    if not 0 < height * width <= _MAX_BRUSH_PIXELS:
        raise ValueError(f"a brush mask of {width}x{height} px is not decoded")
    reader = _BitReader(_as_bytes(rle))
    count = reader.read(32)
    if count != height * width * _CHANNELS:
        raise ValueError(
            f"a brush mask has {counted(count, 'value')}, not those of {width}x{height} px"
        )
    word_bits = reader.read(5) + 1
    if word_bits != 8:
        raise ValueError(f"a brush mask has values of {counted(word_bits, 'bit')}, not of 8")
    length_bits = [reader.read(4) + 1 for _ in range(4)]
    values = np.zeros(count, np.uint8)
    at = 0
    while at < count:
        repeated = reader.read(1)
        length = reader.read(length_bits[reader.read(2)]) + 1
        if at + length > count:
            raise ValueError("a brush mask has more values than it says")
        values[at : at + length] = reader.read(8) if repeated else reader.read_bytes(length)
        at += length
    mask: Bool = values.reshape(height, width, _CHANNELS)[:, :, 3] > 0
    return mask


def _as_bytes(rle: Any) -> U8:
    if not isinstance(rle, list) or not all(type(v) is int and 0 <= v < 256 for v in rle):
        raise ValueError("the `rle` of a brush is not a list of bytes")
    return np.array(rle, np.uint8)


class _BitReader:
    """Reads numbers from bits, the most significant first."""

    def __init__(self, data: U8) -> None:
        self._bits = np.unpackbits(data)
        self._text = (self._bits + ord("0")).tobytes()
        self._at = 0

    def read(self, count: int) -> int:
        start = self._advance(count)
        return int(self._text[start : self._at], 2)

    def read_bytes(self, count: int) -> U8:
        """Return ``count`` numbers of 8 bits."""
        start = self._advance(8 * count)
        return np.packbits(self._bits[start : self._at])

    def _advance(self, count: int) -> int:
        start = self._at
        if start + count > len(self._bits):
            raise ValueError("a brush mask is cut short")
        self._at += count
        return start
