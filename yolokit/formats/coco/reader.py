"""Reads COCO files into the model: ids to indices, boxes into arrays, the rest to the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, cast

import msgspec
import numpy as np

from yolokit.core.gc import collector_paused
from yolokit.core.task import Task
from yolokit.core.types import F64, I64, Bool
from yolokit.formats.coco.annotations import DetailReader, tighten
from yolokit.formats.coco.file import (
    CocoAnnotation,
    CocoCategory,
    CocoFile,
    CocoShapedAnnotation,
    CocoShapedFile,
    LooseFile,
    decode_coco,
    describe_partly_labelled,
    look_up,
    read_categories,
    read_images,
    report_unknown,
)
from yolokit.formats.toolkit.box_evidence import BoxEncoding, BoxWitness, sample_sizes, to_xyxy
from yolokit.formats.toolkit.locate import fractions_to_px
from yolokit.formats.toolkit.plugin import ReadOptions
from yolokit.formats.toolkit.units import UNITS, UnitsWitness
from yolokit.labels.ledger import KEYPOINTS_ASIDE, OUTLINES_ASIDE, Ledger
from yolokit.labels.model import (
    Annotations,
    Category,
    Dataset,
    ImageRecord,
    LabelledImage,
    PoseLayout,
    SourceFile,
    describe_only_pose,
)

_MASK = "mask-to-box: the annotation has a mask and no box"
_MASKS_KEPT = (
    "there are no polygons, and each of {} masks is marked as a crowd, as CVAT does with a brush: "
    "they are read as objects (--assume iscrowd=exclude|keep)"
)
_HINT = "say it with --assume box=xywh|xyxy|cxcywh"


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


def read_sources(sources: Sequence[CocoSource], ledger: Ledger, options: ReadOptions) -> Dataset:
    """Read COCO files as one data set; the task says what is wanted beside boxes.

    Raises:
        DataError: A file is broken, or its boxes are not what the format says.
    """
    with collector_paused():
        contents = [_read_one(source, ledger, options) for source in sources]
    categories, evidence = _merge_categories(contents)
    told = [sentence for content in contents for sentence in content.evidence]
    masks = sum(content.masks_kept for content in contents)
    if masks:
        told.append(_MASKS_KEPT.format(masks))
    index = {category.name: category.index for category in categories}
    pose = _describe_pose(contents[0], sources[0].path) if options.task == Task.POSE else None

    def iter_images() -> Iterator[LabelledImage]:
        for content in contents:
            reader = DetailReader(options.task, pose, ledger, in_fractions=content.in_fractions)
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


def _describe_pose(content: _Content, path: Path) -> PoseLayout | None:
    described = {tuple(one.keypoints): one.name for one in content.categories if one.keypoints}
    return describe_only_pose(
        described,
        "categories",
        path,
        points="keypoints",
        hint="convert them separately, each with `yolokit data convert --keep NAME`",
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


def _read_one(source: CocoSource, ledger: Ledger, options: ReadOptions) -> _Content:
    shown = SourceFile(str(source.path), "index", source.image_roots)
    read = decode_coco(source.path, options.task)
    ledger.see(len(read.file.annotations))
    file, places, masks = _tightened(read.file, shown, ledger)
    ledger.note_aside(shown, {OUTLINES_ASIDE: read.outlines, KEYPOINTS_ASIDE: read.keypoints})
    categories, category_of = read_categories(file.categories, source.path)
    records, image_of = read_images(file.images, source.split, shown, ledger)
    partly = describe_partly_labelled(file.images)
    annotations: Sequence[CocoAnnotation] = file.annotations
    images = look_up(annotations, "image_id", image_of)
    keys = look_up(annotations, "category_id", category_of)
    stated, marked = _boxes_and_crowds(annotations)
    crowds = options.assume.get("iscrowd", "auto")
    are_masks = not read.polygons and 0 < read.run_lengths == int(marked.sum())
    keeps = crowds == "keep" or (crowds == "auto" and are_masks)
    details = annotations if options.task != Task.DETECT or read.is_turned else []
    del read, file, annotations
    keep = report_unknown(images, keys, places, shown, ledger)
    if not keeps:
        _exclude_crowds(places[keep & marked], shown, ledger)
        keep &= ~marked
    chosen = np.flatnonzero(keep)
    chosen = chosen[np.argsort(images[chosen], kind="stable")]
    boxes = _read_boxes(stated[chosen], images[chosen], records, shown.path, options)
    if boxes.in_fractions and not options.labels_only:
        records = _without_sizes(records)
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


def _tightened(
    decoded: CocoFile | CocoShapedFile | LooseFile, source: SourceFile, ledger: Ledger
) -> tuple[CocoFile | CocoShapedFile, I64, frozenset[int]]:
    """Return a file of typed items, the places of its annotations, and which of them are masks."""
    if isinstance(decoded, LooseFile):
        return tighten(decoded, source, ledger)
    return decoded, np.arange(len(decoded.annotations)), frozenset()


def _boxes_and_crowds(annotations: Sequence[CocoAnnotation]) -> tuple[F64, Bool]:
    """Return (N, 4) boxes as they are stated, and (N,) which annotations mark a crowd."""
    count = len(annotations)
    values = chain.from_iterable(map(attrgetter("bbox"), annotations))
    stated = np.fromiter(values, np.float64, count=4 * count).reshape(-1, 4)
    return stated, np.fromiter(map(attrgetter("iscrowd"), annotations), np.bool_, count=count)


def _exclude_crowds(places: I64, source: SourceFile, ledger: Ledger) -> None:
    for place in places.tolist():
        ledger.record(source, place, "excluded", "iscrowd", "marks a crowd, not one object")


def _merge_categories(contents: Sequence[_Content]) -> tuple[tuple[Category, ...], tuple[str, ...]]:
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


class _CocoBoxes(NamedTuple):
    """Boxes of a file.

    Attributes:
        xyxy: (N, 4) float64, in px or in fractions of the image.
        in_fractions: Which of the two.
        evidence: What is not as the standard says, one sentence each.
    """

    xyxy: F64
    in_fractions: bool
    evidence: tuple[str, ...]


def _read_boxes(
    values: F64, owners: I64, records: Sequence[ImageRecord], path: str, options: ReadOptions
) -> _CocoBoxes:
    """Find out what (N, 4) boxes of a file are; ``owners`` are their images among the records."""
    units = UnitsWitness(options.assume.get("units"))
    units.observe_all(values)
    stated = options.assume.get("box", "auto")
    if stated != "auto":
        encoding = cast("BoxEncoding", stated)
        evidence = [f"boxes are taken as {stated}, as --assume box says"]
    else:
        sizes = np.ones((len(records), 2))
        if not units.are_fractions:
            sizes = sample_sizes(records, look=not options.labels_only)
        with np.errstate(over="ignore", invalid="ignore"):
            witness = BoxWitness(values, sizes[owners])
            encoding = witness.require("xywh", who="the COCO format", path=path, hint=_HINT)
        evidence = []
    if units.are_fractions or options.assume.get("units", UNITS[0]) != UNITS[0]:
        evidence += units.evidence()
    with np.errstate(over="ignore", invalid="ignore"):  # such boxes are dropped later
        return _CocoBoxes(to_xyxy(values, encoding), units.are_fractions, tuple(evidence))


def _without_sizes(records: list[ImageRecord]) -> list[ImageRecord]:
    """Forget stated sizes: what is in fractions is of the image, whatever it was when labelled."""
    return [
        msgspec.structs.replace(record, width_px=None, height_px=None)
        if record.width_px is not None
        else record
        for record in records
    ]
