"""COCO JSON: decoded typed and fast, item by item where one is not as it should be; and its ids."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
import numpy as np

from yolokit.core.task import Task
from yolokit.core.types import I64, Bool
from yolokit.errors import DataError
from yolokit.formats.toolkit.json_file import decode_json, read_json_bytes
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import ImageRecord, SourceFile

_Item = TypeVar("_Item", bound=msgspec.Struct)

# Counted in the text: decoding what is not wanted would take memory and time.
_OUTLINE = re.compile(rb'"segmentation"\s*:\s*(?:(\{)|\[[\s\[]*[-0-9])')
_KEYPOINTS = re.compile(rb'"keypoints"\s*:\s*\[[-\s0,.]*[1-9]')
_TURNED = re.compile(rb'"rotation"\s*:\s*-?[0.]*[1-9]')
_MAX_GAPS = 20


class CocoAnnotation(msgspec.Struct, gc=False):
    """One item of ``annotations``; ``bbox`` is xywh in px."""

    image_id: int | str
    category_id: int | str
    bbox: tuple[float, float, float, float]
    iscrowd: int = 0


class CocoShapedAnnotation(CocoAnnotation, gc=False):
    """The same with what it has beside the box, which is decoded when its image comes."""

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


class _Decoded(NamedTuple):
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


def decode_coco(path: Path, task: Task) -> _Decoded:
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
        return _Decoded(file, outlines, keypoints, *counts, is_turned)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not of these types, or not JSON at all: the plain decoder says which of the two.
        loose = _as_loose(decode_json(data, path), path)
        boxless = sum(isinstance(item, dict) and not item.get("bbox") for item in loose.annotations)
        return _Decoded(loose, max(0, outlines - boxless), keypoints, *counts, is_turned)


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


def read_images(
    items: Sequence[CocoImage], split: str | None, source: SourceFile, ledger: Ledger
) -> tuple[list[ImageRecord], dict[Hashable, int]]:
    """Return a record for each file, and image id to position; a file listed twice is one.

    Raises:
        DataError: An image has no name, or an id means two.
    """
    records: list[ImageRecord] = []
    positions: dict[Hashable, int] = {}
    by_name: dict[str, int] = {}
    for item in items:
        names = _names_of(item)
        if not names:
            raise DataError(
                f"the image with id {item.id} has no `file_name`, and no `coco_url` or "
                "`flickr_url` to take one from",
                path=source.path,
            )
        name = names[0]
        at = by_name.setdefault(name, len(records))
        if positions.setdefault(item.id, at) != at:
            other = records[positions[item.id]].file_name
            raise DataError(
                f"the image id {item.id} means both {other!r} and {name!r}", path=source.path
            )
        if at < len(records):
            message = f"{name} is listed more than once; its annotations were joined"
            ledger.note(source, None, "duplicate-image", message)
            continue
        width, height = item.width, item.height
        if width is None or height is None or width < 1 or height < 1:
            width = height = None
        records.append(ImageRecord(name, width, height, split, None, source, tuple(names[1:])))
    return records, positions


def _names_of(item: CocoImage) -> list[str]:
    """Return what an image may be called: its file name, else the end of its address.

    LVIS takes images of COCO's ``train2017`` and ``val2017`` alike, so the folder counts.
    """
    if item.file_name:
        return [item.file_name]
    for address in (item.coco_url, item.flickr_url):
        try:
            parts = [part for part in unquote(urlsplit(address or "").path).split("/") if part]
        except ValueError:  # no address
            continue
        if parts:
            return list(dict.fromkeys(("/".join(parts[-2:]), parts[-1])))
    return []


def describe_partly_labelled(items: Sequence[CocoImage]) -> Iterator[str]:
    """Say where a file states that not all objects of its images are labelled, as LVIS does."""
    partly = sum(bool(item.not_exhaustive_category_ids) for item in items)
    if partly or any(item.neg_category_ids for item in items):
        yield (
            "each image was searched for some of the classes only (neg_category_ids), and in "
            f"{partly} of {len(items)} not for all of their objects (not_exhaustive_category_ids): "
            "what has no label may still be there"
        )


def read_categories(
    items: list[CocoCategory], path: Path
) -> tuple[list[CocoCategory], dict[Hashable, int]]:
    """Return the categories, names stripped, and id to position."""
    found: list[CocoCategory] = []
    positions: dict[Hashable, int] = {}
    for item in items:
        name = item.name.strip()
        if not name:
            raise DataError(f"the category with id {item.id} has no name", path=path)
        if item.id in positions:
            other = found[positions[item.id]].name
            raise DataError(
                f"the category id {item.id} means both {other!r} and {name!r}", path=path
            )
        positions[item.id] = len(found)
        found.append(msgspec.structs.replace(item, name=name))
    return found, positions


def look_up(items: Sequence[CocoAnnotation], field: str, known: dict[Hashable, int]) -> I64:
    """Return (N,) int64: what the id in a field means, -1 for an unknown one."""
    get_id = attrgetter(field)
    numbers = [key for key in known if type(key) is int]
    low, high = (min(numbers), max(numbers)) if numbers else (0, 0)
    if len(numbers) == len(known) and high - low < _MAX_GAPS * len(known):
        try:
            wanted = np.fromiter(map(get_id, items), np.int64, count=len(items))
        except (ValueError, OverflowError):  # a text, or a number beyond 64 bits
            pass
        else:  # nearly always: whole numbers not far apart, for which a table is faster
            table = np.full(high - low + 2, -1, np.int64)
            table[np.array(numbers, np.int64) - low] = list(known.values())
            inside = (wanted >= low) & (wanted <= high)
            return table[np.where(inside, wanted - low, -1)]
    found = (known.get(key, -1) for key in map(get_id, items))
    return np.fromiter(found, np.int64, count=len(items))


def report_unknown(images: I64, keys: I64, places: I64, source: SourceFile, ledger: Ledger) -> Bool:
    """Drop annotations whose image or category is not in the file; return (N,) bool: the rest."""
    for place in places[images < 0].tolist():
        message = "its `image_id` is not in `images`"
        ledger.record(source, place, "dropped", "unknown-image", message)
    for place in places[(images >= 0) & (keys < 0)].tolist():
        message = "its `category_id` is not in `categories`"
        ledger.record(source, place, "dropped", "unknown-category", message)
    return (images >= 0) & (keys >= 0)
