"""Reads the files of Supervisely into the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.formats.supervisely.shapes import NO_AREAS, read_geometry
from yolokit.formats.toolkit.json_file import as_dict, as_list, as_size, as_text, read_json
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.labels.builder import ImageRows, collect_dataset
from yolokit.labels.model import ImageRecord, SourceFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

_ANN = "ann"


def read_meta(path: Path) -> dict[str, str]:
    """Return the classes of a project, title to shape; none if there is no such file.

    Raises:
        DataError: It is not JSON.
    """
    if not path.is_file():
        return {}
    items = [as_dict(item) for item in as_list(as_dict(read_json(path)).get("classes"))]
    return {
        title: as_text(item.get("shape")) for item in items if (title := as_text(item.get("title")))
    }


class SuperviselyReader:
    """Reads files one by one; :meth:`finish` puts the data set together."""

    def __init__(
        self, source: Path, classes: Mapping[str, str], options: ReadOptions, ledger: Ledger
    ) -> None:
        self._layout = SourceLayout(source, options.images)
        self._classes = classes
        self._ledger = ledger
        self._last_pixel = options.assume.get("last-pixel") == "included"
        self._rows: list[ImageRows] = []
        self._rectangles = 0

    def add_file(self, path: Path) -> None:
        """Read the file of one image.

        Raises:
            DataError: It is not an annotation file.
        """
        content = as_dict(read_json(path))
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
        names = [title for title, shape in self._classes.items() if shape not in NO_AREAS]
        return collect_dataset(self._rows, names=names, evidence=evidence)

    def _read_object(self, rows: ImageRows, place: int, item: dict[str, Any]) -> None:
        source = rows.image.source
        name = as_text(item.get("classTitle"))
        kind = self._kind_of(item, name)
        if kind in NO_AREAS:
            self._ledger.record(
                source, place, "excluded", "not-an-area", f"a {kind} is not an area"
            )
            return
        try:
            _require_title(name)
            xyxy, shape = read_geometry(item, kind, last_pixel=self._last_pixel)
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
