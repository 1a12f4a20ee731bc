"""The images of Label Studio's tasks: one row of annotations for each, its size found out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from yolokit.errors import DataError
from yolokit.formats.toolkit.image_locator import SourceImages, fill_image
from yolokit.formats.toolkit.json_file import as_dict
from yolokit.formats.toolkit.plugin import ReadOptions
from yolokit.images.listing import is_image_name
from yolokit.images.size import read_image_size
from yolokit.labels.builder import ImageRows
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import ImageRecord, SourceFile

_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_UPLOADS = "/data/upload/"
_LOCAL_FILES = "/data/local-files/"
_USUAL_KEYS = ("image", "img", "images")


class TaskImages:
    """Gives each image that tasks show its rows; the same image shown twice is one."""

    def __init__(self, options: ReadOptions, ledger: Ledger) -> None:
        self._options = options
        self._ledger = ledger
        self._rows: dict[tuple[str | None, str], ImageRows] = {}
        self._bare_names: Counter[str] = Counter()
        self._files = SourceImages()

    @property
    def all_rows(self) -> list[ImageRows]:
        """The rows of all images, in the order in which they were asked for."""
        return list(self._rows.values())

    def count_names(self, references: Iterable[str]) -> None:
        """Take note of uploads: two may have had the same name before they got their prefix."""
        for reference in set(references):
            if _is_upload(reference):
                bare = _without_upload_prefix(reference.rpartition("/")[2])
                self._bare_names.update([bare] if bare else [])

    def rows_for(
        self,
        reference: str,
        source: SourceFile,
        split: str | None,
        stated: Sequence[tuple[int, int] | tuple[None, None]],
        *,
        is_drawn: bool,
    ) -> ImageRows | None:
        """Return the rows of an image, or None if its size is needed and cannot be found out.

        Args:
            reference: What the task calls it.
            source: The file of the task.
            split: The one of that file.
            stated: The size in the first region that states one, if any does.
            is_drawn: Whether regions are drawn on it, whose percent need its size.

        Raises:
            ValueError: The reference is not a name of an image.
            DataError: The size is needed and no image is to be looked at.
        """
        name = _without_image_folder(name_of_reference(reference), split)
        rows = self._rows.get((split, name))
        if rows is not None:
            message = f"{name} is shown by more than one task; their annotations were joined"
            self._ledger.note(source, None, "duplicate-image", message)
            if rows.image.width_px is not None:
                return rows
        others = self._other_names(reference, name)
        width_px, height_px = stated[0] if stated else (None, None)
        record = ImageRecord(name, width_px, height_px, split, None, source, others)
        measured = self._measure(record) if record.width_px is None and is_drawn else record
        if measured is None:
            return None
        if rows is None:
            rows = self._rows[split, name] = ImageRows(measured)
        rows.image = measured
        return rows

    def why_missing(self, reference: str) -> str:
        """Say why there are no rows for an image."""
        return (
            f"the image {reference[:200]} was not found or cannot be read, and its size, which "
            "labels in percent need, is not stated"
        )

    def _other_names(self, reference: str, name: str) -> tuple[str, ...]:
        bare = _without_upload_prefix(name) if _is_upload(reference) else None
        return (bare,) if bare and self._bare_names[bare.rpartition("/")[2]] == 1 else ()

    def _measure(self, record: ImageRecord) -> ImageRecord | None:
        """Read the size of an image whose tasks state none."""
        why = f"the size of {record.file_name} is not stated, labels are percent of it"
        self._options.require_images(why, record.source.path)
        found = self._files.find(record, self._ledger)
        if found is None:
            return None
        try:
            return fill_image(record, found, read_image_size(found.path))
        except DataError:  # it is reported as missing, with its annotations
            return None


def _without_image_folder(name: str, split: str | None) -> str:
    """Leave out the folder in which a set that was written here has the images of a split."""
    prefix = f"images/{split}/"
    has_more = split is not None and len(name) > len(prefix)
    return name.removeprefix(prefix) if has_more else name


def list_references(data: Any) -> list[str]:
    """Return the images that a task shows: of ``image``, or of the only value that is one.

    Raises:
        ValueError: There is none, or it is not clear which; the message names the keys.
    """
    values = as_dict(data)
    found = {key: texts for key, value in values.items() if (texts := _as_texts(value))}
    usual = [key for key in _USUAL_KEYS if key in found]
    likely = usual or [key for key, texts in found.items() if all(map(_shows_image, texts))]
    if len(likely) == 1 or usual:
        return found[likely[0]]
    if not likely:
        raise ValueError("its `data` names no image")
    raise ValueError(f"its `data` names images under several keys: {', '.join(sorted(likely))}")


def _as_texts(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    return texts if texts and all(isinstance(text, str) and text for text in texts) else []


def _shows_image(reference: str) -> bool:
    try:
        return is_image_name(name_of_reference(reference))
    except ValueError:
        return False


def name_of_reference(reference: str) -> str:
    """Return the name of the image that a reference points to.

    Raises:
        ValueError: It points to none: an image inside the text itself, or not an address.
    """
    if reference.startswith(_LOCAL_FILES):
        return _checked(_first(parse_qs(urlsplit(reference).query), "d"), reference)
    if reference.startswith(_UPLOADS):
        return _checked(_name_of_upload(unquote(urlsplit(reference).path)), reference)
    scheme = _SCHEME.match(reference)
    if scheme is None:
        return _checked(reference, reference)
    if scheme[1].lower() == "data":
        raise ValueError("its image is embedded in the JSON and has no name")
    parts = urlsplit(reference)
    is_web = parts.scheme in ("http", "https")
    if is_web and _LOCAL_FILES in f"{parts.path}/":
        return _checked(_first(parse_qs(parts.query), "d"), reference)
    path = unquote(parts.path) if is_web else reference.partition("://")[2].partition("/")[2]
    if _UPLOADS in path:
        path = _name_of_upload(path)
    return _checked(path.lstrip("/"), reference)


def _name_of_upload(path: str) -> str:
    """Return the part below the project's folder, which is a number."""
    inner = path.partition(_UPLOADS)[2]
    project, slash, name = inner.partition("/")
    return name if slash and project.isdecimal() else inner


def _is_upload(reference: str) -> bool:
    """Tell whether an image was uploaded, so that its name got a prefix."""
    return _UPLOADS in reference


def _without_upload_prefix(name: str) -> str | None:
    """Return the name that a file had before it was uploaded, or None if it has no prefix."""
    folder, slash, base = name.rpartition("/")
    found = _UPLOAD_PREFIX.match(base)
    return f"{folder}{slash}{base[found.end() :]}" if found else None


def _first(query: Mapping[str, list[str]], key: str) -> str:
    return query.get(key, [""])[0]


def _checked(name: str, reference: str) -> str:
    if not name or "\x00" in name or name.endswith("/"):
        raise ValueError(f"{reference[:80]!r} is not a name of an image")
    return name
