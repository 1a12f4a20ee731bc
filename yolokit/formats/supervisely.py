"""Supervisely: ``meta.json``, and in each data set ``ann/<image>.json`` beside ``img/<image>``.

Coordinates are pixels of the image. The tool's own exporters take the second corner of a
rectangle as its last pixel, which makes it 1 px larger: ``--assume last-pixel=included`` does so
too. Holes of polygons and bitmaps are filled, which is said.

Source: docs.supervisely.com "Supervisely Annotation Format"; supervisely
``geometry/bitmap.py:base64_2_data``, ``geometry/rectangle.py``, ``geometry/oriented_bbox.py``,
``geometry/multipolygon.py``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.toolkit.json_file import (
    as_dict,
    as_list,
    as_number,
    as_size,
    as_text,
    read_json,
)
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.mask_codecs import (
    decode_base64,
    decode_png_mask,
    inflate,
    require_area,
)
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import HEAD_BYTES, SourceTree, read_each
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.masks import mask_to_shape
from yolokit.labels.model import Dataset, ImageRecord, SourceFile
from yolokit.labels.shapes import Shape, outlines, turned_box

TITLE = "Supervisely"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.OBB)
RECOGNISED_BY = "JSON files with size and objects in folders called ann"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType({"last-pixel": ("excluded", "included")})

_SNIFFED_FILES = 20
_META = "meta.json"
_NEEDED = tuple(
    re.compile(pattern)
    for pattern in (
        rb'"objects"\s*:\s*\[',
        rb'"size"\s*:\s*\{\s*"(height|width)"\s*:',
        rb'"(tags|classTitle|description)"\s*:',
    )
)
_ANN = "ann"
_NO_AREAS = frozenset({"point", "line", "polyline", "graph", "cuboid", "cuboid_2d", "cuboid_3d"})
_PNG = b"\x89PNG"

_Geometry: TypeAlias = tuple[list[float] | None, Shape | None]
"""The xyxy of a plain box, or the shape of anything else."""


def sniff(tree: SourceTree) -> Match | None:
    """Recognise files of images with a size and objects."""
    for file in islice(tree.files(".json"), _SNIFFED_FILES):
        if _is_annotation(tree, file):
            return Match(1.0, f"{file.parent.name}/{file.name} has a `size` and `objects`")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read a project, a data set of it or one file; see ``formats.toolkit.plugin.Format``.

    Raises:
        DataError: There is no annotation file, or one is broken, with its line.
    """
    tree = SourceTree(source)
    root = source if source.is_dir() else source.parent
    files = [f for f in tree.files(".json") if source.is_file() or _is_annotation(tree, f)]
    if not files:
        raise DataError("there is no annotation file of Supervisely in it", path=source)
    metas = [file for file in tree.files(_META) if file.name == _META and file not in files]
    if not metas:  # a data set or a file of a project is read alone
        above = (folder / _META for folder in (root.parent, root.parent.parent))
        metas = [meta for meta in above if meta.is_file()][:1]
    reader = _Reader(source, options, ledger)
    read_each([*metas, *files], lambda file: reader.add_file(file, is_meta=file in metas))
    return reader.finish()


def _is_annotation(tree: SourceTree, file: Path) -> bool:
    """Tell whether a file describes an image; one whose objects come first may be cut there."""
    head = tree.head(file)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
        return False
    is_whole = len(head) < HEAD_BYTES
    found = [pattern.search(head) is not None for pattern in _NEEDED]
    return all(found) or (not is_whole and file.parent.name == "ann" and found[0] and found[2])


class _Reader:
    """Reads files one by one; :meth:`finish` puts the data set together."""

    def __init__(self, source: Path, options: ReadOptions, ledger: Ledger) -> None:
        self._layout = SourceLayout(source, options.images)
        self._classes: dict[str, str] = {}
        self._ledger = ledger
        self._last_pixel = options.assume.get("last-pixel") == "included"
        self._rows: list[ImageRows] = []
        self._rectangles = 0

    def add_file(self, path: Path, *, is_meta: bool) -> None:
        """Read the classes of a project, or the file of one image."""
        content = as_dict(read_json(path))
        if is_meta:
            items = [as_dict(item) for item in as_list(content.get("classes"))]
            shapes = {as_text(item.get("title")): as_text(item.get("shape")) for item in items}
            self._classes = {**shapes, **self._classes}
            self._classes.pop("", None)
            return
        objects = content.get("objects")
        if not isinstance(objects, list):
            raise DataError(
                "this is not a file of Supervisely: it has no list `objects`", path=path
            )
        rows = ImageRows(self._read_image(path, as_dict(content.get("size"))))
        self._ledger.see(len(objects))
        for place, item in enumerate(objects):
            self._read_object(rows, place, as_dict(item))
        self._rows.append(rows)

    def finish(self) -> Dataset:
        """Return what was added as a data set."""
        evidence = []
        if self._rectangles:
            taken = "is part of them" if self._last_pixel else "is where they end"
            evidence.append(
                f"the second corner of {counted(self._rectangles, 'rectangle')} {taken} "
                "(--assume last-pixel=excluded|included)"
            )
        names = [title for title, shape in self._classes.items() if shape not in _NO_AREAS]
        return build_dataset(self._rows, names=names, evidence=evidence)

    def _read_object(self, rows: ImageRows, place: int, item: dict[str, Any]) -> None:
        source = rows.image.source
        name = as_text(item.get("classTitle"))
        kind = self._kind_of(item, name)
        if kind in _NO_AREAS:
            self._ledger.record(
                source, place, "excluded", "not-an-area", f"a {kind} is not an area"
            )
            return
        try:
            _require_title(name)
            xyxy, shape = _read_geometry(item, kind, last_pixel=self._last_pixel)
        except ValueError as error:
            self._ledger.record(source, place, "dropped", "bad-object", str(error))
            return
        self._rectangles += kind == "rectangle"
        rows.add(name, place, xyxy, shape=shape)

    def _kind_of(self, item: dict[str, Any], name: str) -> str:
        """Return the type of an object: its own, that of its class, or the one that it looks like.

        Old files state no type; a class of any shape states none either.
        """
        kind = as_text(item.get("geometryType")) or self._classes.get(name, "")
        if kind and kind != "any":
            return kind
        if as_dict(item.get("bitmap")):
            return "bitmap"
        corners = as_list(as_dict(item.get("points")).get("exterior"))
        return "rectangle" if len(corners) == 2 else "polygon"

    def _read_image(self, path: Path, size: dict[str, Any]) -> ImageRecord:
        folder = _ann_folder(path)
        # Old files lack the image's suffix; it is found by what its name begins with.
        name = path.relative_to(folder).as_posix()[: -len(path.suffix)]
        width_px, height_px = as_size(size.get("width"), size.get("height"))
        split = self._layout.split_of(path)
        roots = self._layout.image_roots(folder / "_", None, ("img",))
        source = SourceFile(str(path), "index", roots)
        return ImageRecord(name, width_px, height_px, split, None, source)


def _require_title(name: str) -> None:
    if not name:
        raise ValueError("the object has no `classTitle`")


def _ann_folder(path: Path) -> Path:
    """Return the folder ``ann`` that a file lies in, or its own folder."""
    return next((folder for folder in path.parents if folder.name == _ANN), path.parent)


def _read_geometry(item: dict[str, Any], kind: str, *, last_pixel: bool) -> _Geometry:
    """Read the geometry of an item of ``objects``.

    Raises:
        ValueError: Its values are not as they should be; the message says why.
    """
    if kind == "rectangle":
        x1, y1, x2, y2 = _corners(item)
        more = float(last_pixel)
        return [x1, y1, x2 + more, y2 + more], None
    if kind == "oriented_bbox":
        return None, _read_oriented(item)
    if kind == "polygon":
        return None, _read_polygons([as_dict(item.get("points"))])
    if kind == "multipolygon":
        return None, _read_polygons([as_dict(part) for part in as_list(item.get("parts"))])
    if kind in ("bitmap", "alpha_mask"):
        return None, _read_bitmap(as_dict(item.get(kind)) or as_dict(item.get("bitmap")))
    raise ValueError(f"an object of type {kind[:40]!r} is not read")


def _corners(item: dict[str, Any]) -> list[float]:
    """Return the xyxy of two opposite corners, in any order."""
    points = item.get("points")
    exterior = points if isinstance(points, list) else as_list(as_dict(points).get("exterior"))
    if len(exterior) != 2 or not all(isinstance(p, list) and len(p) == 2 for p in exterior):
        raise ValueError("a rectangle needs two corners")
    (ax, ay), (bx, by) = ([as_number(value, "a corner") for value in p] for p in exterior)
    return [min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)]


def _read_oriented(item: dict[str, Any]) -> Shape:
    """Return a rectangle turned about its centre, clockwise by an angle in radians."""
    x1, y1, x2, y2 = _corners(item)
    angle = as_number(item.get("angle") or 0, "`angle`")
    if not all(abs(value) < 1e12 for value in (x1, y1, x2, y2, angle)):  # nor are they NaN
        raise ValueError("a rotated rectangle holds a value that is not finite, or huge")
    return turned_box((x1, y1, x2, y2), math.degrees(angle))


def _read_polygons(parts: list[dict[str, Any]]) -> Shape:
    """Return the outlines of polygons, their holes filled."""
    if not parts:
        raise ValueError("the object has no `parts`")
    rings, fragments = outlines([as_list(part.get("exterior")) for part in parts])
    holes = sum(len(as_list(part.get("interior"))) for part in parts)
    words = f"{counted(holes, 'hole')} of the outline filled"
    return Shape(rings, remark=f"holes-filled: {words}" if holes else fragments)


def _read_bitmap(bitmap: dict[str, Any]) -> Shape:
    """Return the pixels that a bitmap marks, from its origin on."""
    origin = as_list(bitmap.get("origin"))
    if len(origin) != 2:
        raise ValueError("the bitmap has no `origin` of x and y")
    x, y = (as_number(value, "the `origin` of the bitmap") for value in origin)
    if not np.isfinite([x, y]).all():
        raise ValueError("the `origin` of the bitmap is not finite")
    data = decode_base64(bitmap.get("data"))
    mask = decode_png_mask(data if data.startswith(_PNG) else inflate(data))
    return require_area(mask_to_shape(mask, (x, y)), "the bitmap")
