"""Reads COCO files into the model: ids to indices, boxes into arrays, the rest to the ledger."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec
import numpy as np

from yolokit.core.gc import collector_paused
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.coco.boxes import fractions_to_px, read_boxes, without_sizes
from yolokit.formats.coco.details import DetailReader, find_pose
from yolokit.formats.coco.images import describe_partly_labelled, read_images
from yolokit.formats.coco.items import tighten
from yolokit.formats.coco.json import (
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoShapedAnnotation,
    CocoShapedFile,
    LooseFile,
    decode_coco,
)
from yolokit.labels.ledger import KEYPOINTS_ASIDE, OUTLINES_ASIDE
from yolokit.labels.model import (
    Annotations,
    Category,
    Dataset,
    ImageRecord,
    LabelledImage,
    SourceFile,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from pathlib import Path

    from yolokit.core.types import F64, I64
    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger

_MAX_GAPS = 20
_MASK = "mask-to-box: the annotation has a mask and no box"
_MASKS_KEPT = (
    "there are no polygons, and each of {} masks is marked as a crowd, as CVAT does with a brush: "
    "they are read as objects (--assume iscrowd=exclude|keep)"
)


class CocoSource(NamedTuple):
    """A COCO file, its split, and the folders in which its images may lie."""

    path: Path
    split: str | None
    image_roots: tuple[str, ...]


class _Content(NamedTuple):
    """One file in arrays: images in its order, annotations by image.

    Attributes:
        ends: (images,) int64; the rows of image i are those from ends[i - 1] to ends[i].
        category_keys: (N,) int64, positions in ``categories``.
        places: (N,) int64, positions in the file's list of annotations.
        masks: Positions in that list of those that had a mask and no box.
        details: What each annotation has beside its box; empty where that is not wanted.
        masks_kept: How many marked ``iscrowd`` were taken as objects, since they are all masks.
        in_fractions: Boxes are in fractions of their image, not in px.
        evidence: What was concluded about the file, one sentence each.
    """

    records: list[ImageRecord]
    categories: list[CocoCategory]
    ends: I64
    category_keys: I64
    xyxy: F64
    places: I64
    masks: frozenset[int]
    details: list[CocoShapedAnnotation]
    masks_kept: int
    in_fractions: bool
    evidence: tuple[str, ...]


def read_sources(
    sources: Sequence[CocoSource], ledger: Ledger, options: ReadOptions, *, crowds: str
) -> Dataset:
    """Read COCO files as one data set.

    Args:
        sources: The files.
        ledger: Gets what is not a plain box.
        options: How they are to be read; the task says what is wanted beside boxes.
        crowds: ``exclude`` annotations marked ``iscrowd``, or ``keep`` them as objects; ``auto``
            keeps them where they are the only masks and no polygon is beside them.

    Raises:
        DataError: A file is broken, or its boxes are not what the format says.
    """
    task = options.task
    with collector_paused():
        contents = [_read_one(source, ledger, options, crowds=crowds) for source in sources]
    categories, evidence = _merge_categories(contents)
    told = [sentence for content in contents for sentence in content.evidence]
    masks = sum(content.masks_kept for content in contents)
    if masks:
        told.append(_MASKS_KEPT.format(masks))
    index = {category.name: category.index for category in categories}
    pose = find_pose(contents[0].categories, sources[0].path) if task == Task.POSE else None

    def iter_images() -> Iterator[LabelledImage]:
        for content in contents:
            reader = DetailReader(task, pose, ledger, in_fractions=content.in_fractions)
            images = _iter_content(content, index, reader)
            if content.in_fractions:
                images = fractions_to_px(images, ledger, labels_only=options.labels_only)
            yield from images

    return Dataset(
        categories,
        iter_images,
        (*evidence, *dict.fromkeys(told)),
        has_splits=any(source.split for source in sources),
        image_count=sum(len(content.records) for content in contents),
        pose=pose,
    )


def _iter_content(
    content: _Content, index: dict[str, int], reader: DetailReader
) -> Iterator[LabelledImage]:
    translate = np.array(
        [index.get(category.name, -1) for category in content.categories] or [-1], np.int64
    )
    classes = translate[content.category_keys]
    start = 0
    for record, end in zip(content.records, content.ends.tolist(), strict=True):
        if start == end:
            yield LabelledImage(record, Annotations.empty())
            continue
        places = content.places[start:end]
        from_mask = {}
        if content.masks:
            rows = enumerate(places.tolist())
            from_mask = {row: _MASK for row, place in rows if place in content.masks}
        if content.details:
            boxes = Annotations(classes[start:end], content.xyxy[start:end], places)
            labelled = LabelledImage(record, boxes)
            yield reader.add_details(labelled, content.details[start:end], from_mask)
        else:
            xyxy = content.xyxy[start:end]
            yield LabelledImage(record, Annotations(classes[start:end], xyxy, places, from_mask))
        start = end


def _read_one(source: CocoSource, ledger: Ledger, options: ReadOptions, *, crowds: str) -> _Content:
    shown = SourceFile(str(source.path), "index", source.image_roots)
    read = decode_coco(source.path, options.task)
    decoded = read.file
    ledger.see(len(decoded.annotations))
    file: CocoFile | CocoShapedFile
    if isinstance(decoded, LooseFile):
        file, places, masks = tighten(decoded, shown, ledger)
    else:
        file, places, masks = decoded, np.arange(len(decoded.annotations)), frozenset[int]()
    ledger.note_aside(shown, {OUTLINES_ASIDE: read.outlines, KEYPOINTS_ASIDE: read.keypoints})
    categories, category_of = _read_categories(file.categories, source.path)
    records, image_of = read_images(file.images, source.split, shown, ledger)
    partly = describe_partly_labelled(file.images)
    annotations: Sequence[CocoAnnotation | CocoShapedAnnotation] = file.annotations
    count = len(annotations)
    images = _look_up(annotations, "image_id", image_of)
    keys = _look_up(annotations, "category_id", category_of)
    values = chain.from_iterable(map(attrgetter("bbox"), annotations))
    stated = np.fromiter(values, np.float64, count=4 * count).reshape(-1, 4)
    marked = np.fromiter(map(attrgetter("iscrowd"), annotations), np.bool_, count=count)
    are_masks = not read.polygons and 0 < read.run_lengths == int(marked.sum())
    keeps = crowds == "keep" or (crowds == "auto" and are_masks)
    details = annotations if options.task != Task.DETECT or read.is_turned else []
    del file, decoded, annotations
    keep = _report_unknown(images, keys, places, shown, ledger)
    if not keeps:
        for place in places[keep & marked].tolist():
            ledger.record(shown, place, "excluded", "iscrowd", "marks a crowd, not one object")
        keep &= ~marked
    chosen = np.flatnonzero(keep)
    chosen = chosen[np.argsort(images[chosen], kind="stable")]
    boxes = read_boxes(stated[chosen], images[chosen], records, shown.path, options)
    if boxes.in_fractions and not options.labels_only:
        records = without_sizes(records)
    ends = np.cumsum(np.bincount(images[chosen], minlength=len(records)))
    return _Content(
        records,
        categories,
        ends,
        keys[chosen],
        boxes.xyxy,
        places[chosen],
        masks,
        [cast(CocoShapedAnnotation, details[at]) for at in chosen.tolist()] if details else [],
        int(marked.sum()) if keeps and crowds == "auto" else 0,
        boxes.in_fractions,
        (*boxes.evidence, *partly),
    )


def _look_up(
    items: Sequence[CocoAnnotation | CocoShapedAnnotation], field: str, known: dict[Hashable, int]
) -> I64:
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


def _report_unknown(
    images: I64, keys: I64, places: I64, source: SourceFile, ledger: Ledger
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Drop annotations whose image or category is not in the file; return (N,) bool: the rest."""
    for place in places[images < 0].tolist():
        message = "its `image_id` is not in `images`"
        ledger.record(source, place, "dropped", "unknown-image", message)
    for place in places[(images >= 0) & (keys < 0)].tolist():
        message = "its `category_id` is not in `categories`"
        ledger.record(source, place, "dropped", "unknown-category", message)
    return (images >= 0) & (keys >= 0)


def _read_categories(
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


def _merge_categories(
    contents: Sequence[_Content],
) -> tuple[tuple[Category, ...], tuple[str, ...]]:
    """Return the categories of all files by name, in the order of their ids."""
    found: dict[str, CocoCategory] = {}
    used: set[str] = set()
    parents: set[str] = set()
    for content in contents:
        for item in sorted(content.categories, key=_by_id):
            found.setdefault(item.name, item)
            parents.add(item.supercategory or "")
        used.update(content.categories[key].name for key in np.unique(content.category_keys))
    unused = [name for name in found if name in parents and name not in used]
    umbrella = [name for name in unused if found[name].supercategory in (None, "", "none")]
    evidence = [
        f"category {name!r} is left out: no annotation uses it, it only names a group of others"
        for name in umbrella
    ]
    names = [name for name in found if name not in umbrella]
    categories = tuple(Category(at, name, found[name].id) for at, name in enumerate(names))
    return categories, tuple(evidence)


def _by_id(item: CocoCategory) -> tuple[bool, int, str]:
    """Sort numbers first, by value; then texts."""
    if isinstance(item.id, int):
        return False, item.id, ""
    return True, 0, item.id
