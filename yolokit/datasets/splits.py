"""The images of one split of a YOLO set: a folder, a list file, or one image; and their labels."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

import msgspec
import numpy as np

from yolokit.datasets.label_rows import label_path, read_labels, to_annotations
from yolokit.datasets.row_faults import find_faults, find_repeated
from yolokit.errors import DataError
from yolokit.files.size_limits import read_bounded
from yolokit.images.listing import is_absolute_anywhere, is_image_name, walk_images
from yolokit.images.size import read_image_size
from yolokit.labels.model import Annotations, ImageRecord, LabelledImage, SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.datasets.data_yaml import DataYaml
    from yolokit.datasets.label_rows import RowLayout


class SplitImage(msgspec.Struct, frozen=True):
    """One image of a split: its name below the split's folder, and its path.

    Attributes:
        name: With ``/`` between folders.
        path: The file; only one from a list file may not exist.
        place: The list file and the line in it, or None.
    """

    name: str
    path: str
    place: tuple[str, int] | None = None


def list_split_images(data: DataYaml, split: str) -> Iterator[SplitImage]:
    """Yield the images of a split, sorted within each of its folders, in the order of lists.

    Raises:
        ConfigError: There is no such split.
        DataError: A list file cannot be read.
    """
    for source in data.sources(split):
        yield from list_images(source, data.path.parent)


def iter_split(
    data: DataYaml, split: str, unreadable: list[DataError] | None = None
) -> Iterator[LabelledImage]:
    """Stream the images of a split with their labels, as an evaluation needs them.

    Categories are the indices of ``data.names``. An image without a label file, or with an empty
    one, is a background image. ``unreadable`` gets the errors of images that cannot be read, which
    are left out then; None raises the first.

    Raises:
        ConfigError: There is no such split.
        DataError: An image cannot be read, or a label row is wrong (the first file that is).
    """
    layout = data.row_layout()
    for image in list_split_images(data, split):
        labels = label_path(image.path)
        try:
            size = read_image_size(image.path)
        except DataError as error:
            if unreadable is None:
                raise
            unreadable.append(error)
            continue
        wh = (size.width_px, size.height_px)
        record = ImageRecord(image.name, *wh, split, image.path, SourceFile(labels))
        yield LabelledImage(record, _read_annotations(labels, wh, data, layout))


def _read_annotations(
    labels: str, image_wh: tuple[int, int], data: DataYaml, layout: RowLayout
) -> Annotations:
    """Return the labels of an image, clipped to it; none where there is no file of them."""
    rows = read_labels(labels, layout)
    if rows is None or not rows.row_count:
        return Annotations.empty()
    for fault in find_faults(rows, len(data.names), layout):
        raise DataError(fault.message, path=labels, line=fault.line)
    rows = rows.take(~find_repeated(rows))  # as ultralytics does: it would count as missed
    annotations = to_annotations(rows, rows.class_ids, image_wh, layout)
    inside = np.clip(annotations.xyxy, 0.0, np.array(image_wh * 2, np.float64))
    return msgspec.structs.replace(annotations, xyxy=inside)


def list_images(source: Path, root: Path) -> Iterator[SplitImage]:
    """Yield the images of a place that a ``data.yaml`` names.

    Args:
        source: A folder, a list file or an image; it exists.
        root: Folder of the YAML file: list files may be relative to it.

    Raises:
        DataError: A list file cannot be read.
    """
    if source.is_dir():
        prefix = os.path.join(source, "")  # noqa: PTH118 - hot path
        for name in walk_images(source):
            yield SplitImage(name, prefix + name.replace("/", os.sep))
    elif is_image_name(source.name):
        yield SplitImage(source.name, str(source))
    else:
        yield from _read_list(source, root)


def _read_list(list_file: Path, root: Path) -> Iterator[SplitImage]:
    try:
        text = read_bounded(list_file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise DataError(f"cannot read the list of images: {reason}", path=list_file) from error
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line and is_image_name(line):
            path = resolve_path(line, (list_file.parent, root)) or list_file.parent / line
            yield SplitImage(_name_in_set(path), str(path), (str(list_file), number))


def _name_in_set(path: Path) -> str:
    """Return the part of an image's path below the last folder ``images``, else its name."""
    parts = path.parts
    below = [at for at, part in enumerate(parts[:-1]) if part == "images"]
    return "/".join(parts[below[-1] + 1 :]) if below else path.name


def resolve_path(text: str, bases: tuple[Path, ...], *, is_file: bool = True) -> Path | None:
    """Find what a path means: as stated, else without leading parts that do not exist.

    The path of a file may lose all its folders. That of a folder loses its leading ``..`` only,
    and if it is absolute it keeps two parts: the last part alone, such as ``images``, may well
    be the folder of another split. It may be from another machine, or relative to one of the
    bases, the first first.
    """
    if "\x00" in text or not text.strip():
        return None
    if not is_absolute_anywhere(text) or Path(text).is_absolute():
        for base in bases:
            found = as_spelled(base / text)
            if found is not None:
                return normal_path(found)
    parts = [part for part in re.split(r"[/\\]+", text) if part and part not in (".", "..")]
    keep = 1 if is_file else 2 if is_absolute_anywhere(text) else len(parts)
    for start in range(max(1, len(parts) - keep + 1) if parts else 0):
        for base in bases:
            found = as_spelled(base.joinpath(*parts[start:]))
            if found is not None:
                return normal_path(found)
    return None


def as_spelled(path: Path) -> Path | None:
    """Return a path that exists, if need be in another Unicode form; None if there is none."""
    if _exists(path):
        return path
    if str(path).isascii() or path.parent == path:
        return None
    folder = as_spelled(path.parent)
    try:
        names = {} if folder is None else _list_composed(folder, folder.stat().st_mtime_ns)
    except OSError:  # no folder, or one that may not be entered
        return None
    name = names.get(normalize("NFC", path.name))
    return None if folder is None or name is None else folder / name


@lru_cache(maxsize=16)  # a list of images names the same few folders again and again
def _list_composed(folder: Path, _changed_ns: int) -> dict[str, str]:
    return {normalize("NFC", entry.name): entry.name for entry in folder.iterdir()}


def normal_path(path: Path) -> Path:
    """Remove ``a/..`` without following links, so that names stay as the user knows them."""
    return Path(os.path.normpath(path))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, or a folder that may not be entered
        return False
