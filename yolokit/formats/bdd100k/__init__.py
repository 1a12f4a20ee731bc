"""BDD100K and Scalabel JSON: lists of frames, each an image with its labels.

Written by Scalabel and its converters, and by Berkeley DeepDrive. A file is a list of frames, or
``frames`` beside a ``config``, or one frame; in the first release of BDD100K one file an image,
with ``objects``. A label has a box (``box2d``), polygons with straight and curved sides
(``poly2d``), or a mask (``rle``); ``labels: null`` is an image without any. Frames of a video lie
in a folder called after it.

Whether ``x2`` and ``y2`` are the last pixel inside a box or its edge no file says: the published
sets have fractions of pixels, while Scalabel's own converters add 1. They are read as stated.

Source: scalabel ``label/typing.py``, ``label/transforms.py`` (poly_to_patch, bbox_to_box2d);
https://doc.bdd100k.com/format.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.bdd100k.labels import NoAreaError, read_label
from yolokit.formats.toolkit.json_file import (
    as_dict,
    as_list,
    decode_json,
    read_json_bytes,
    read_size,
)
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import OUTLINES_ASIDE, Ledger
from yolokit.labels.model import Dataset, ImageRecord, SourceFile

TITLE = "BDD100K / Scalabel"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.OBB)
RECOGNISED_BY = "JSON frames with a name and labels that have box2d or poly2d"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "box-end": ("edge", "last-pixel"),
        "crowd": ("exclude", "keep"),
        "drivable": ("exclude", "keep"),
    }
)

_SNIFFED_FILES = 20
_GEOMETRY = re.compile(rb'"(box2d|poly2d)"\s*:\s*[\[{]')
_FRAME_KEYS = re.compile(rb'"(labels|frames|objects)"\s*:\s*(\[|null)')
_NAME = re.compile(rb'"name"\s*:')
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVABLE = ("drivable area", "area/")


def sniff(tree: SourceTree) -> Match | None:
    """Recognise frames by their names and by a label's geometry."""
    for file in islice(_find_files(tree), _SNIFFED_FILES):
        if _GEOMETRY.search(tree.head(file)) is not None:
            return Match(1.0, f"{file.name} has frames with labels that have box2d or poly2d")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open one file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no such file, or one is broken.
    """
    files = [source] if source.is_file() else list(_find_files(SourceTree(source)))
    if not files:
        raise DataError("there is no JSON file with frames of BDD100K in it", path=source)
    reader = _Reader(source, options, ledger)
    images = [image for frames in read_each(files, reader.read_file) for image in frames]
    reader.note_aside()
    return build_dataset(images, names=reader.names, evidence=tuple(reader.evidence()))


def _find_files(tree: SourceTree) -> Iterator[Path]:
    for file in tree.files(".json"):
        head = tree.head(file)
        if _NAME.search(head) is not None and _FRAME_KEYS.search(head) is not None:
            yield file


class _Frame(NamedTuple):
    """An image with its labels, whichever release wrote it."""

    name: str
    video: str
    size: Any
    labels: list[Any]


class _Reader:
    """Reads files one after the other; what is not an object goes to the ledger."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._options = options
        self._ledger = ledger
        self._shapes = options.task in (Task.SEGMENT, Task.OBB)
        self._end_px = 1.0 if options.assume.get("box-end") == "last-pixel" else 0.0
        self._keep_crowds = options.assume.get("crowd") == "keep"
        self._keep_drivable = options.assume.get("drivable") == "keep"
        self._boxes = self._drivable = self._aside = 0
        self.names: list[str] = []

    def read_file(self, path: Path) -> list[ImageRows]:
        """Return the images of a file."""
        content = _decode(read_json_bytes(path), path)
        split = self._layout.split_of(path, holds_set=True)
        inner = [f"{name}/{split}" for name in ("100k", "10k", "track")] if split else []
        source = SourceFile(str(path), "index", self._layout.image_roots(path, split, inner))
        config = as_dict(as_dict(content).get("config"))
        self.names += _category_names(config)
        images: list[ImageRows] = []
        place = 0
        for frame in _iter_frames(content, path):
            size = read_size(frame.size or config.get("imageSize"))
            rows = ImageRows(_record(frame, size, split, source))
            self._ledger.see(len(frame.labels))
            for label in frame.labels:
                self._read_label(rows, label, place)
                place += 1
            images.append(rows)
        return images

    def note_aside(self) -> None:
        """Enter how many boxes have an outline that is not wanted."""
        self._ledger.note_aside(SourceFile(str(self._layout.root)), {OUTLINES_ASIDE: self._aside})

    def evidence(self) -> Iterator[str]:
        """Say how boxes were read and what was left out by a rule."""
        if self._boxes:
            taken = "edges" if not self._end_px else "the last pixels inside"
            yield (
                f"x2 and y2 of {counted(self._boxes, 'box', 'boxes')} are taken as {taken} "
                "(--assume box-end=edge|last-pixel)"
            )
        if self._drivable:
            yield (
                f"{counted(self._drivable, 'drivable area')} left out: they are not objects "
                "(--assume drivable=exclude|keep)"
            )

    def _read_label(self, rows: ImageRows, label: Any, place: int) -> None:
        source = rows.image.source
        try:
            if not isinstance(label, dict):
                raise ValueError("it is not an object")  # noqa: TRY301, TRY004
            excluded = self._why_excluded(label)
            if excluded is not None:
                self._ledger.record(source, place, "excluded", *excluded)
                return
            box, shape = read_label(label, shapes=self._shapes, end_px=self._end_px)
            category = label.get("category")
            if not isinstance(category, str) or not category:
                raise ValueError("it has no `category`")  # noqa: TRY301
        except NoAreaError as error:
            message = f"{rows.image.file_name}: {label.get('category')}: {error}"
            self._ledger.record(source, place, "excluded", "not-an-area", message)
        except ValueError as error:
            message = f"{rows.image.file_name}: {error}"
            self._ledger.record(source, place, "dropped", "bad-label", message)
        else:
            has_box = label.get("box2d") is not None
            has_outline = any(label.get(key) is not None for key in ("poly2d", "rle"))
            self._boxes += has_box
            self._aside += has_box and has_outline and not self._shapes
            rows.add(category, place, box, shape=shape)

    def _why_excluded(self, label: dict[str, Any]) -> tuple[str, str] | None:
        attributes = as_dict(label.get("attributes"))
        for key in ("crowd", "ignored"):
            if attributes.get(key) is True and not self._keep_crowds:
                return key, f"the {label.get('category')} is marked as {key}"
        category = str(label.get("category", ""))
        if category.startswith(_DRIVABLE) and not self._keep_drivable:
            self._drivable += 1
            return "drivable", f"{category} is not an object but a part of the road"
        return None


def _decode(data: bytes, path: Path) -> Any:
    """Decode a file; the frames of a list stay text until their turn comes.

    The labels of BDD100K's training images are 1.3 GB in one list; as objects all at once they
    would take more than that again.
    """
    try:
        return msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decode_json(data, path)  # no list, or no JSON: it says which


def _decode_frame(item: Any, at: int, path: Path) -> Any:
    if not isinstance(item, msgspec.Raw):
        return item
    try:
        return msgspec.json.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"frame {at} is not JSON: {error}", path=path) from error


def _iter_frames(content: Any, path: Path) -> Iterator[_Frame]:
    """Yield the frames of a file."""
    frames = content
    if isinstance(content, dict):
        frames = content.get("frames")
        if "labels" in content or not isinstance(frames, list):
            frames = [content]
        elif "name" in content:  # the first release: one image, named outside of its frame
            frames = [
                {**frame, "name": content["name"]} if isinstance(frame, dict) else frame
                for frame in frames
            ]
    if not isinstance(frames, list):
        raise DataError("it holds no frames", path=path)
    for at, item in enumerate(frames):
        frame = _decode_frame(item, at, path)
        name = frame.get("name") if isinstance(frame, dict) else None
        if isinstance(name, bool) or not isinstance(name, (str, int)) or name == "":
            raise DataError(f"frame {at} has no `name`", path=path)
        labels = frame.get("labels", frame.get("objects"))
        if labels is not None and not isinstance(labels, list):
            raise DataError(f"the labels of frame {at} are not a list", path=path)
        video = frame.get("videoName")
        video = video if isinstance(video, str) else ""
        yield _Frame(str(name), video, frame.get("size"), labels or [])


def _record(
    frame: _Frame, wh: tuple[int, int] | tuple[None, None], split: str | None, source: SourceFile
) -> ImageRecord:
    name = frame.name.replace("\\", "/")
    if _ADDRESS.match(name) is not None:  # where Scalabel showed it from
        name = name.split("?", 1)[0].rsplit("/", 1)[-1] or frame.name
    others: tuple[str, ...] = ()
    if frame.video and not name.startswith(f"{frame.video}/"):
        name, others = f"{frame.video}/{name}", (name,)
    width_px, height_px = wh
    return ImageRecord(name, width_px, height_px, split, None, source, others)


def _category_names(config: dict[str, Any]) -> list[str]:
    """Return the categories that a config lists, those below others in their place."""
    names: list[str] = []
    waiting = [config.get("categories")]
    while waiting:
        items = waiting.pop()
        for item in as_list(items):
            if not isinstance(item, dict):
                continue
            if isinstance(item.get("subcategories"), list):
                waiting.append(item["subcategories"])
            elif isinstance(item.get("name"), str) and item["name"]:
                names.append(item["name"])
    return names
