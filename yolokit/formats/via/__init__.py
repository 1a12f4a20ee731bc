"""VGG Image Annotator (VIA) 1 and 2: its project, its annotations as JSON, or as CSV.

Coordinates are pixels; the angle of an ellipse is in radians, clockwise as seen. Regions have
attributes with names that people choose: the content shows which of them is the class.

Source: via ``via-2.x.y/scripts/via.js`` (``pack_via_metadata``, ``import_annotations_from_json``,
``import_annotations_from_csv``).
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.json_file import as_dict, as_list, as_number, as_numbers, as_text
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.formats.via.files import CSV_HEADER, ViaEntry, ViaFile, load_via_file
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, SourceFile
from yolokit.labels.shapes import Shape, ellipse_shape, polygon

TITLE = "VGG Image Annotator"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT)
RECOGNISED_BY = "JSON with _via_img_metadata, or files with regions, or a CSV of such regions"
_USUAL_ATTRIBUTES = ("class", "label", "name", "type", "category", "object")
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "class-attribute": ("auto", *_USUAL_ATTRIBUTES),
        "option-name": ("id", "description"),
        "theta": ("radians", "degrees"),
    }
)

_SNIFFED_FILES = 10
_PROJECT = re.compile(rb'"_via_(settings|img_metadata)"\s*:')
_ENTRY = tuple(
    re.compile(pattern)
    for pattern in (
        rb'"filename"\s*:',
        rb'"regions"\s*:',
        rb'"(shape_attributes|file_attributes)"\s*:',
    )
)
_ONE_CLASS = "object"
_NO_AREAS = frozenset({"point", "polyline", "line"})


def sniff(tree: SourceTree) -> Match | None:
    """Recognise files whose entries have regions with shape attributes."""
    for file in islice(tree.files(".json", ".csv"), _SNIFFED_FILES):
        if _is_via(tree, file):
            return Match(1.0, f"{file.name} lists files with regions as VIA does")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read one file or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no such file, one is broken, or it is not clear which attribute is
            the class.
    """
    tree = SourceTree(source)
    found = tree.files(".json", ".csv")
    files = [source] if source.is_file() else [file for file in found if _is_via(tree, file)]
    if not files:
        raise DataError("there is no file of VGG Image Annotator in it", path=source)
    layout = SourceLayout(source, options.images)
    reader = _Reader(options, ledger)
    for file, content in zip(files, read_each(files, load_via_file), strict=True):
        split, about = layout.describe_set_file(file, "index")
        reader.add_file(content, about, split)
    return reader.finish(source)


def _is_via(tree: SourceTree, file: Path) -> bool:
    head = tree.head(file).lstrip(b"\xef\xbb\xbf \t\r\n")
    if file.name.lower().endswith(".csv"):
        return head.lstrip(b"#").startswith(CSV_HEADER)
    if head[:1] not in (b"{", b"["):
        return False
    return bool(_PROJECT.search(head)) or all(pattern.search(head) for pattern in _ENTRY)


class _Image(NamedTuple):
    """An image, and its regions with their places in the file."""

    rows: ImageRows
    regions: list[tuple[int, Any]]


class _Reader:
    """Takes files one by one; :meth:`finish` finds the class attribute and reads the regions."""

    def __init__(self, options: ReadOptions, ledger: Ledger) -> None:
        self._assume = options.assume
        self._ledger = ledger
        self._images: list[_Image] = []
        self._options: dict[str, dict[str, str]] = {}
        self._known: set[tuple[str | None, str]] = set()

    def add_file(self, file: ViaFile, source: SourceFile, split: str | None) -> None:
        """Take the images of a file."""
        place = 0
        for name, options in file.options.items():
            self._options.setdefault(name, {}).update(options)
        for entry in file.entries:
            regions = list(enumerate(entry.regions, place))
            place += len(regions)
            self._ledger.see(len(regions))
            record = _make_record(entry, file.folder, source, split)
            key = (split, record.file_name)
            if key in self._known:
                name = record.file_name
                message = f"another image is called {name} too, and nothing says which one this is"
                places = [place for place, _ in regions]
                self._ledger.record_all(source, places, "dropped", "duplicate-image", message)
                continue
            self._known.add(key)
            self._images.append(_Image(ImageRows(record), regions))

    def finish(self, source: Path) -> Dataset:
        """Return what was added as a data set."""
        counts = Counter(
            name
            for image in self._images
            for _, region in image.regions
            for name, value in as_dict(as_dict(region).get("region_attributes")).items()
            if _values_of(value)
        )
        attribute, evidence = self._choose_attribute(counts, source)
        for image in self._images:
            for place, region in image.regions:
                self._read_region(image.rows, place, as_dict(region), attribute)
        options = self._options.get(attribute or "", {})
        names = [name for key in options if (name := self._name_option(attribute, key))]
        rows = [image.rows for image in self._images]
        return build_dataset(rows, names=names, evidence=evidence)

    def _choose_attribute(
        self, counts: Counter[str], source: Path
    ) -> tuple[str | None, tuple[str, ...]]:
        """Return the attribute that is the class, None if regions have none, and why."""
        stated = self._assume.get("class-attribute", "auto")
        if stated != "auto":
            spelled = next((name for name in counts if name.strip().lower() == stated), stated)
            return spelled, (f"the class is the attribute {spelled!r}, as stated",)
        if not any(image.regions for image in self._images):
            return None, ()
        if not counts:
            sentence = f"no region has an attribute; all are of one class, called {_ONE_CLASS!r}"
            return None, (sentence,)
        usual = [name for name in counts if name.strip().lower() in _USUAL_ATTRIBUTES]
        likely = list(counts) if len(counts) == 1 else usual
        if len(likely) == 1:
            others = ", ".join(sorted(set(counts) - set(likely)))
            beside = f" ({others} were left aside)" if others else ", the only one"
            sentence = f"the class is the attribute {likely[0]!r} of regions{beside}"
            return likely[0], (f"{sentence} (--assume class-attribute=NAME)",)
        shown = ", ".join(
            f"{name!r} ({counted(count, 'region')})" for name, count in counts.most_common()
        )
        raise DataError(
            f"which attribute of the regions is the class is not clear: {shown}",
            path=source,
            hint="say it with --assume class-attribute=NAME, where NAME is one of "
            f"{', '.join(_USUAL_ATTRIBUTES)}; rename it in the file if it is none of them",
        )

    def _name_option(self, attribute: str | None, key: str) -> str:
        """Return the class that an option means."""
        if self._assume.get("option-name") == "description":
            return self._options.get(attribute or "", {}).get(key, "").strip() or key.strip()
        return key.strip()

    def _read_region(
        self, rows: ImageRows, place: int, region: dict[str, Any], attribute: str | None
    ) -> None:
        shape_attributes = as_dict(region.get("shape_attributes"))
        kind = as_text(shape_attributes.get("name"))
        source = rows.image.source
        if kind in _NO_AREAS:
            self._ledger.record(
                source, place, "excluded", "not-an-area", f"a {kind} is not an area"
            )
            return
        try:
            name, remark = self._class_of(region, attribute)
            xyxy, shape = _read_shape(shape_attributes, kind, self._assume.get("theta", "radians"))
        except ValueError as error:
            message = f"{rows.image.file_name}: {error}"
            self._ledger.record(source, place, "dropped", "bad-region", message)
            return
        rows.add(name, place, xyxy, shape=shape, remark=remark)

    def _class_of(self, region: dict[str, Any], attribute: str | None) -> tuple[str, str | None]:
        """Return the class of a region, and a remark if it has several."""
        if attribute is None:
            return _ONE_CLASS, None
        attributes = as_dict(region.get("region_attributes"))
        values = [
            self._name_option(attribute, key) for key in _values_of(attributes.get(attribute))
        ]
        if not values:
            raise ValueError(f"the region has no value for {attribute!r}")
        several = f"several-labels: it is {', '.join(values)}; the first was taken"
        return values[0], several if len(values) > 1 else None


def _values_of(value: Any) -> list[str]:
    """Return the values of an attribute: a text, or the options of check boxes that are on."""
    if isinstance(value, dict):
        return [key.strip() for key, is_on in value.items() if is_on is True and key.strip()]
    text = as_text(value)
    return [text] if text else []


def _make_record(
    entry: ViaEntry, folder: str, source: SourceFile, split: str | None
) -> ImageRecord:
    name = entry.file_name
    if "://" in name:
        try:
            name = unquote(urlsplit(name).path).lstrip("/") or name
        except ValueError:  # no address after all
            name = entry.file_name
    others = (f"{folder.rstrip('/')}/{name}",) if folder.strip("./") else ()
    return ImageRecord(name, None, None, split, None, source, others)


def _read_shape(
    values: dict[str, Any], kind: str, unit: str
) -> tuple[list[float] | None, Shape | None]:
    """Return the xyxy of a rectangle, or the shape of anything else.

    Raises:
        ValueError: A value is missing or no number, or the kind is unknown.
    """
    if kind == "rect":
        x, y, width, height = as_numbers(values, "x", "y", "width", "height")
        return [x, y, x + width, y + height], None
    if kind == "polygon":
        xs, ys = as_list(values.get("all_points_x")), as_list(values.get("all_points_y"))
        if len(xs) != len(ys):
            raise ValueError(f"a polygon has {len(xs)} x and {len(ys)} y")
        points = [(as_number(x, "an x"), as_number(y, "a y")) for x, y in zip(xs, ys, strict=True)]
        if len(points) > 3 and points[0] == points[-1]:  # VIA 1 closes its polygons
            points.pop()
        return None, Shape((polygon(points),))
    if kind == "circle":
        x, y, radius = as_numbers(values, "cx", "cy", "r")
        return None, ellipse_shape((x, y), (radius, radius))
    if kind == "ellipse":
        x, y, radius_x, radius_y = as_numbers(values, "cx", "cy", "rx", "ry")
        theta = as_number(values.get("theta") or 0, "`theta`")
        degrees = theta if unit == "degrees" else math.degrees(theta)
        return None, ellipse_shape((x, y), (radius_x, radius_y), degrees)
    raise ValueError(f"a region of shape {kind[:40]!r} is not read")
