"""Converts COCO items one by one where the file as a whole does not fit the types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import numpy as np

from yolokit.errors import DataError
from yolokit.formats.coco.json import (
    CocoCategory,
    CocoImage,
    CocoShapedAnnotation,
    CocoShapedFile,
    LooseAnnotation,
    LooseFile,
    convert_item,
)
from yolokit.formats.toolkit.mask_codecs import box_of_mask, set_fragments_aside
from yolokit.labels.shapes import describe_fragments

if TYPE_CHECKING:
    from yolokit.core.types import I64
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import SourceFile

_Item = TypeVar("_Item", bound=msgspec.Struct)


def tighten(
    loose: LooseFile, source: SourceFile, ledger: Ledger
) -> tuple[CocoShapedFile, I64, frozenset[int]]:
    """Bring a loose file's items into their types one by one; bad annotations are dropped."""
    images = [
        _required(item, CocoImage, f"item {at} of `images`", source)
        for at, item in enumerate(loose.images)
    ]
    categories = [
        _required(item, CocoCategory, f"item {at} of `categories`", source)
        for at, item in enumerate(loose.categories)
    ]
    annotations: list[CocoShapedAnnotation] = []
    places: list[int] = []
    masks: set[int] = set()
    for place, item in enumerate(loose.annotations):
        try:
            one = convert_item(item, LooseAnnotation)
            box = _xywh(one)
            if box is None:
                one.segmentation, fragments = set_fragments_aside(one.segmentation)
                box = _xywh_of_mask(one.segmentation)
                masks.add(place)
                if fragments:
                    ledger.note(source, place, *describe_fragments(fragments))
        except ValueError as error:
            ledger.record(source, place, "dropped", "bad-annotation", str(error))
            continue
        places.append(place)
        crowd = int(bool(one.iscrowd))
        annotations.append(
            CocoShapedAnnotation(
                one.image_id,
                one.category_id,
                box,
                crowd,
                msgspec.Raw(msgspec.json.encode(one.segmentation)),
                msgspec.Raw(msgspec.json.encode(one.keypoints)),
                msgspec.Raw(msgspec.json.encode(one.attributes)),
            )
        )
    file = CocoShapedFile(images, annotations, categories)
    return file, np.array(places, np.int64), frozenset(masks)


def _required(item: Any, item_type: type[_Item], what: str, source: SourceFile) -> _Item:
    """Bring an item into its type, where the file makes no sense without it."""
    try:
        return convert_item(_mended(item), item_type)
    except ValueError as error:
        raise DataError(f"{what}: {error}", path=source.path) from error


def _mended(item: Any) -> Any:
    """Leave out what is optional and not usable: a size that is not a whole number, no address."""
    if not isinstance(item, dict):
        return item
    sizes = {key: _whole(item[key]) for key in ("width", "height") if key in item}
    found = {**item, **sizes}
    empty = [key for key in ("file_name", "coco_url", "flickr_url") if found.get(key, "") is None]
    return {key: value for key, value in found.items() if key not in empty}


def _whole(value: Any) -> int | None:
    try:
        return round(float(value))
    except (TypeError, ValueError, OverflowError):
        return None


def _xywh(item: LooseAnnotation) -> tuple[float, float, float, float] | None:
    """Return the box of an annotation, None if it has none and is to be made from its mask."""
    box = item.bbox
    if box is None or box == []:
        if not item.segmentation:
            raise ValueError("it has neither a `bbox` nor a `segmentation`")
        return None
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError(f"its `bbox` is not [x, y, width, height] but {str(box)[:80]}")
    try:
        x, y, width, height = (float(value) for value in box)
    except (TypeError, ValueError) as error:
        raise ValueError(f"its `bbox` is not four numbers: {str(box)[:80]}") from error
    return x, y, width, height


def _xywh_of_mask(segmentation: Any) -> tuple[float, float, float, float]:
    box = box_of_mask(segmentation)
    if box is None:
        raise ValueError("its mask covers nothing")
    return box[0], box[1], box[2] - box[0], box[3] - box[1]
