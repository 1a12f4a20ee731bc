"""Decodes COCO JSON: typed and fast, and item by item where an item is not as it should be."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.json_file import decode_json, read_json_bytes

if TYPE_CHECKING:
    from pathlib import Path


_Item = TypeVar("_Item", bound=msgspec.Struct)

# Counted in the text: decoding what is not wanted would take memory and time.
_OUTLINE = re.compile(rb'"segmentation"\s*:\s*(?:(\{)|\[[\s\[]*[-0-9])')
_KEYPOINTS = re.compile(rb'"keypoints"\s*:\s*\[[-\s0,.]*[1-9]')
_TURNED = re.compile(rb'"rotation"\s*:\s*-?[0.]*[1-9]')


class CocoAnnotation(msgspec.Struct, gc=False):
    """One item of ``annotations``; ``bbox`` is xywh in px."""

    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class CocoShapedAnnotation(msgspec.Struct, gc=False):
    """The same with what it has beside the box, which is decoded when its image comes."""

    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0
    segmentation: msgspec.Raw = msgspec.Raw()
    keypoints: msgspec.Raw = msgspec.Raw()
    attributes: msgspec.Raw = msgspec.Raw()


class LooseAnnotation(msgspec.Struct):
    """One item of ``annotations`` that may have a mask in place of a box."""

    image_id: int | str
    category_id: int | str
    bbox: Any = None
    iscrowd: int | bool | float = 0
    segmentation: Any = None
    keypoints: Any = None
    attributes: Any = None


class CocoImage(msgspec.Struct, gc=False):
    """One item of ``images``; LVIS has addresses in place of file names, and lists of classes."""

    id: int | str
    file_name: str = ""
    width: int | None = None
    height: int | None = None
    coco_url: str | None = None
    flickr_url: str | None = None
    neg_category_ids: Any = None
    not_exhaustive_category_ids: Any = None


class CocoCategory(msgspec.Struct):
    """One item of ``categories``."""

    id: int | str
    name: str
    supercategory: str | None = None
    keypoints: list[str] | None = None


class CocoFile(msgspec.Struct):
    """A whole file, every item as it should be."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory]


class CocoShapedFile(msgspec.Struct):
    """A whole file with shapes, every item as it should be."""

    images: list[CocoImage]
    annotations: list[CocoShapedAnnotation]
    categories: list[CocoCategory]


class LooseFile(msgspec.Struct):
    """A whole file whose items have yet to be looked at one by one."""

    images: list[Any]
    annotations: list[Any]
    categories: list[Any]


class Decoded(NamedTuple):
    """A COCO file.

    Attributes:
        file: Typed or, if any item is not of its type, with all items as they are.
        outlines: How many annotations have an outline or mask that the task does not want.
        keypoints: How many have keypoints that it does not want.
        polygons: How many annotations have polygons, whatever the task.
        run_lengths: How many have run lengths.
        is_turned: Whether any box is turned by an attribute.
    """

    file: CocoFile | CocoShapedFile | LooseFile
    outlines: int
    keypoints: int
    polygons: int
    run_lengths: int
    is_turned: bool


def decode_coco(path: Path, task: Task) -> Decoded:
    """Read a COCO file; masks and keypoints only for a task that wants them.

    Raises:
        DataError: It cannot be read or is not COCO JSON; with the line where there is one.
    """
    data = read_json_bytes(path)
    kinds = Counter(match[1] for match in _OUTLINE.finditer(data))
    counts = kinds[None], kinds[b"{"]
    outlines = 0 if task in (Task.SEGMENT, Task.OBB) else sum(counts)
    keypoints = 0 if task == Task.POSE else sum(1 for _ in _KEYPOINTS.finditer(data))
    is_turned = b'"rotation"' in data and _TURNED.search(data) is not None
    plain = task == Task.DETECT and not is_turned
    file_type: type[CocoFile | CocoShapedFile] = CocoFile if plain else CocoShapedFile
    try:
        file = msgspec.json.decode(data, type=file_type)
        return Decoded(file, outlines, keypoints, *counts, is_turned)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not of these types, or not JSON at all: the plain decoder says which of the two.
        loose = _as_loose(decode_json(data, path), path)
        boxless = sum(isinstance(item, dict) and not item.get("bbox") for item in loose.annotations)
        return Decoded(loose, max(0, outlines - boxless), keypoints, *counts, is_turned)


def convert_item(item: Any, item_type: type[_Item]) -> _Item:
    """Bring one untyped item into its type; numbers may be written as text.

    Raises:
        ValueError: It does not fit; the message says why.
    """
    try:
        return msgspec.convert(item, item_type, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error


def _as_loose(content: Any, path: Path) -> LooseFile:
    if not isinstance(content, dict):
        raise DataError("this is not a COCO file: it holds no object at the top", path=path)
    parts = {key: content.get(key) for key in ("images", "annotations", "categories")}
    for key, value in parts.items():
        if not isinstance(value, list):
            what = "is missing" if value is None else "is not a list"
            raise DataError(f"this is not a COCO file: `{key}` {what}", path=path)
    return LooseFile(**parts)  # type: ignore[arg-type]
