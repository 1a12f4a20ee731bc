"""Create ML: a JSON list of images with boxes by their centre, in pixels.

``[{"image": "a.jpg", "annotations": [{"label": "cat", "coordinates": {"x": 60, "y": 40,
"width": 20, "height": 10}}]}]``. Apple's own documents call the keys ``imagefilename`` and
``annotation``; both are read. ``x`` and ``y`` are the centre of the box unless an option of the
training program says otherwise, which the file does not show: ``--assume anchor=top-left`` does.
Sizes of images are not stated.

Written is Roboflow's layout, ``<split>/_annotations.createml.json`` beside the images. Who writes
it besides: RectLabel, labelImg, Make Sense.

Source: Apple's documentation of ``MLObjectDetector.AnnotationType.boundingBox``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from yolokit.core.boxes import xyxy_to_cxcywh
from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.box_evidence import BoxEncoding, BoxWitness, sample_sizes, to_xyxy
from yolokit.formats.toolkit.json_file import as_dict, as_list, read_json
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.formats.toolkit.text_labels import check_class_names
from yolokit.formats.toolkit.units import UNITS, PixelScales, UnitsWitness
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, LabelledImage, SourceFile

TITLE = "Create ML JSON"
READS: tuple[Task, ...] = (Task.DETECT,)
RECOGNISED_BY = "a JSON list of images with annotations of `label` and `coordinates`"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"anchor": ("center", "top-left"), "units": UNITS}
)
WRITES: tuple[Task, ...] = READS
IMAGE_FOLDER = "{split}"
WRITTEN = ("{split}/_annotations.createml.json",)
MANY_OUTLINES = False

_FILE = "_annotations.createml.json"
_LIST = re.compile(rb"(\xef\xbb\xbf)?\s*\[\s*(\{|\])")
_KEYS = (
    re.compile(rb'"image(filename)?"\s*:\s*"'),
    re.compile(rb'"annotations?"\s*:\s*\['),
    re.compile(rb'"coordinates"\s*:\s*\{'),
    re.compile(rb'"label"\s*:\s*"'),
)
_SIDES = ("x", "y", "width", "height")


def sniff(tree: SourceTree) -> Match | None:
    """Recognise JSON lists of images whose annotations have a label and coordinates."""
    found = next(iter(_find_files(tree)), None)
    if found is None:
        return None
    return Match(1.0, f"{found.name} is a list of images with `label` and `coordinates`")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read Create ML files; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is none, or one is not JSON or not a list.
    """
    files = [source] if source.is_file() else list(_find_files(SourceTree(source)))
    if not files:
        raise DataError(
            "there is no JSON list of images with `label` and `coordinates` in it", path=source
        )
    reader = _Reader(source, options, ledger)
    read_each(files, reader.read_file)
    reader.check_anchor()
    return build_dataset(reader.to_images(), evidence=reader.evidence())


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write a JSON file a split; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    del remarks  # the format has no place for them
    check_class_names(dataset.names, TITLE)
    images: dict[str, list[bytes]] = {}
    for labelled in dataset.iter_images():
        entry = msgspec.json.encode(_describe(labelled, dataset.names))
        images.setdefault(labelled.image.split or "", []).append(entry)
    for split, entries in images.items():
        path = folder / split / _FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"[\n" + b",\n".join(entries) + b"\n]\n")


def _describe(labelled: LabelledImage, names: Sequence[str]) -> dict[str, object]:
    annotations = labelled.annotations
    boxes = xyxy_to_cxcywh(annotations.xyxy).round(3).tolist()
    return {
        "image": labelled.image.file_name,
        "annotations": [
            {"label": names[at], "coordinates": dict(zip(_SIDES, box, strict=True))}
            for at, box in zip(annotations.category_indices.tolist(), boxes, strict=True)
        ],
    }


def _find_files(tree: SourceTree) -> Iterator[Path]:
    for file in tree.files(".json"):
        head = tree.head(file)
        if _LIST.match(head) is None:
            continue
        # One of background images alone has no coordinates, and is known by its name.
        if file.name == _FILE or all(key.search(head) is not None for key in _KEYS):
            yield file


class _Box(msgspec.Struct, frozen=True):
    """One annotation: label, its index in the file, and x, y, width, height as stated."""

    label: str
    index: int
    xywh: tuple[float, float, float, float]


class _Reader:
    """Collects boxes by image, then brings them into pixels."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._options = options
        self._ledger = ledger
        self._images: dict[tuple[str, str], tuple[ImageRecord, list[_Box]]] = {}
        self._units = UnitsWitness(options.assume.get("units"))
        self._boxes = self._before_zero = 0

    def read_file(self, path: Path) -> None:
        """Read one file."""
        content = read_json(path)
        if not isinstance(content, list):
            raise DataError("this is not a list of images", path=path)
        split, source = self._layout.describe_set_file(path, "index", (path.stem,))
        count = 0
        for number, entry in enumerate(content, 1):
            fields = as_dict(entry)
            items = as_list(fields.get("annotations", fields.get("annotation")))
            self._ledger.see(len(items))
            name = fields.get("image", fields.get("imagefilename"))
            if isinstance(name, str) and name.strip():
                record = ImageRecord(name, None, None, split, None, source)
                _, boxes = self._images.setdefault((source.path, name), (record, []))
                boxes += self._read_boxes(items, count, source)
            else:
                message = f"entry {number} of the list names no image"
                lost = range(count, count + len(items))
                self._ledger.record_all(source, lost, "dropped", "no-image-name", message)
            count += len(items)

    def _read_boxes(self, items: list[Any], start: int, source: SourceFile) -> Iterator[_Box]:
        for index, item in enumerate(items, start):
            try:
                box = _read_box(item, index)
            except ValueError as error:
                self._ledger.record(source, index, "dropped", "bad-annotation", str(error))
                continue
            self._units.observe(box.xywh)
            x, y, width, height = box.xywh
            self._boxes += 1
            self._before_zero += x < width / 2 or y < height / 2
            yield box

    @property
    def _is_centered(self) -> bool:
        return self._options.assume.get("anchor") != "top-left"

    def check_anchor(self) -> None:
        """Refuse centres that look like corners, unless it is stated what they are."""
        found = [(image, boxes) for image, boxes in self._images.values() if boxes]
        if not found or "anchor" in self._options.assume:
            return
        sizes = np.ones((len(found), 2))
        if not self._units.are_fractions:
            look = not self._options.labels_only
            sizes = sample_sizes([image for image, _ in found], look=look)
        values = np.array([box.xywh for _, boxes in found for box in boxes])
        witness = BoxWitness(values, np.repeat(sizes, [len(boxes) for _, boxes in found], axis=0))
        witness.require(
            "cxcywh",
            who="the Create ML format",
            path=found[0][0].source.path,
            hint="say it with --assume anchor=center|top-left",
        )

    def evidence(self) -> tuple[str, ...]:
        if not self._boxes:
            return ()
        taken = "the centres of the boxes" if self._is_centered else "their top-left corners"
        anchor = (
            f"x and y are taken as {taken}; as centres, {self._before_zero} of "
            f"{counted(self._boxes, 'box', 'boxes')} would begin outside the image "
            "(--assume anchor=center|top-left)"
        )
        return (anchor, *self._units.evidence())

    def to_images(self) -> Iterator[ImageRows]:
        """Yield the images with their boxes in px."""
        encoding: BoxEncoding = "cxcywh" if self._is_centered else "xywh"
        scales = PixelScales(self._units, self._options, self._ledger, self._layout.root)
        for image, boxes in self._images.values():
            scaled = scales.of(image, [box.index for box in boxes])
            if scaled is None:
                continue
            found = ImageRows(scaled.image)
            values = np.array([box.xywh for box in boxes]).reshape(-1, 4)
            xyxy = to_xyxy(values, encoding) * np.tile(scaled.factors, 2)
            for box, corners in zip(boxes, xyxy.tolist(), strict=True):
                found.add(box.label, box.index, corners)
            yield found


def _read_box(item: Any, index: int) -> _Box:
    """Read one annotation.

    Raises:
        ValueError: It is none, with the reason.
    """
    fields = as_dict(item)
    label, sides = fields.get("label"), as_dict(fields.get("coordinates"))
    if not isinstance(label, str) or not label.strip():
        raise ValueError("the annotation has no label")
    values: list[float] = []
    for side in _SIDES:
        value = sides.get(side)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is None or not is_number or not -1e9 < value < 1e9:  # NaN compares false
            raise ValueError(f"{side} of the {label} is not a usable number: {str(value)[:40]}")
        values.append(float(value))
    x, y, width, height = values
    return _Box(label.strip(), index, (x, y, width, height))
