"""Opens the files of VGG Image Annotator: project, JSON and CSV, brought to one form."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from yolokit.errors import DataError
from yolokit.formats.toolkit.json_file import as_dict, as_text, read_json, read_json_bytes

CSV_HEADER = b"filename,file_size,file_attributes"
_COLUMNS = ("filename", "region_count", "region_shape_attributes", "region_attributes")
_MAX_FIELD = 1 << 26  # an outline of many points is one field


class ViaEntry(NamedTuple):
    """An image: its name, and its regions as the file has them."""

    file_name: str
    regions: list[Any]


class ViaFile(NamedTuple):
    """What a file holds.

    Attributes:
        entries: The images in their order.
        folder: Where the project says that images lie, or empty.
        options: Region attribute to its options, id to description, as the project lists them.
    """

    entries: list[ViaEntry]
    folder: str = ""
    options: dict[str, dict[str, str]] = {}  # noqa: RUF012 - never changed


def load_via_file(path: Path) -> ViaFile:
    """Read a file of VIA.

    Raises:
        DataError: It is none, or cannot be read; with the line where there is one.
    """
    if path.suffix.lower() == ".csv":
        return ViaFile(list(_read_csv(path)))
    content = read_json(path)
    project = as_dict(content)
    if "_via_img_metadata" in project:
        core = as_dict(as_dict(project.get("_via_settings")).get("core"))
        attributes = as_dict(as_dict(project.get("_via_attributes")).get("region"))
        folder = as_text(core.get("default_filepath"))
        options = {name: _options_of(as_dict(value)) for name, value in attributes.items()}
        return ViaFile(_list_entries(project["_via_img_metadata"], path), folder, options)
    return ViaFile(_list_entries(content, path))


def _options_of(attribute: dict[str, Any]) -> dict[str, str]:
    """Return the options of a drop-down list, of radio buttons or check boxes."""
    return {key: as_text(text) for key, text in as_dict(attribute.get("options")).items()}


def _list_entries(content: Any, path: Path) -> list[ViaEntry]:
    """Return the images of a dict by name and size, or of a list without those keys."""
    items: Any = enumerate(content) if isinstance(content, list) else as_dict(content).items()
    entries: list[ViaEntry] = []
    for key, item in items:
        if not isinstance(item, dict) or not ({"filename", "regions"} & set(item)):
            raise DataError(
                f"this is not a file of VIA: {str(key)[:80]!r} has no `filename` and no `regions`",
                path=path,
            )
        size = as_text(item.get("size"))
        name = as_text(item.get("filename"))
        if not name and isinstance(key, str):
            name = key.removesuffix(size)
        if not name:
            raise DataError(f"the image {str(key)[:80]!r} has no `filename`", path=path)
        entries.append(ViaEntry(name, _list_regions(item.get("regions"), name, path)))
    return entries


def _list_regions(regions: Any, name: str, path: Path) -> list[Any]:
    """Return the regions of a list (VIA 2), or of a dict by their number (VIA 1)."""
    if isinstance(regions, dict):
        return [regions[key] for key in sorted(regions, key=_by_number)]
    if regions is None or isinstance(regions, list):
        return regions or []
    raise DataError(f"the `regions` of {name} are not a list", path=path)


def _by_number(key: str) -> tuple[bool, int, str]:
    is_number = key.isascii() and key.isdecimal() and len(key) < 20
    return not is_number, int(key) if is_number else 0, key


def _read_csv(path: Path) -> Iterator[ViaEntry]:
    """Yield the images of a CSV, whose rows are regions; one with none has a row too."""
    try:
        text = read_json_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError("this is not UTF-8 text", path=path) from error
    limit = csv.field_size_limit(_MAX_FIELD)
    try:
        rows = list(csv.DictReader(io.StringIO(text.lstrip("#"), newline="")))
    except csv.Error as error:
        raise DataError(f"this is not CSV: {error}", path=path) from error
    finally:
        csv.field_size_limit(limit)
    if rows and not set(_COLUMNS) <= set(rows[0]):
        raise DataError(f"this is not a CSV of VIA: it lacks {', '.join(_COLUMNS)}", path=path)
    regions: dict[str, list[Any]] = {}
    for row in rows:
        name = (row["filename"] or "").strip()
        if not name:
            raise DataError("a row has no file name", path=path)
        found = regions.setdefault(name, [])
        shape = _decode(row["region_shape_attributes"])
        if shape != {}:
            attributes = _decode(row["region_attributes"])
            found.append({"shape_attributes": shape, "region_attributes": attributes})
    for name, found in regions.items():
        yield ViaEntry(name, found)


def _decode(text: str | None) -> Any:
    """Decode one field; None for what is not JSON, whose region is dropped later."""
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
