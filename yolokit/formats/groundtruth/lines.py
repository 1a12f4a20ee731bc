"""The lines of a Ground Truth manifest, and which of their keys are jobs that draw boxes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from yolokit.errors import DataError
from yolokit.files.size_limits import iter_bounded
from yolokit.formats.toolkit.json_file import decode_json
from yolokit.formats.toolkit.source_tree import read_each

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_METADATA = "-metadata"
_DETECTION = "groundtruth/object-detection"
_BUCKET = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://[^/]*/")
MAX_SIDE_PX = 1 << 31


class Job(NamedTuple):
    """What one job says about one image.

    Attributes:
        value: Its result, None where it has none.
        metadata: What is stated beside it.
        draws_boxes: Whether its results are boxes.
    """

    value: Any
    metadata: dict[str, Any]
    draws_boxes: bool

    @property
    def failure(self) -> str | None:
        """Why it has no result, if it says so."""
        reason = self.metadata.get("failure-reason")
        return None if not reason else str(reason)[:200]

    @property
    def date(self) -> str:
        """When it was made, as text that sorts."""
        return str(self.metadata.get("creation-date", ""))

    @property
    def class_map(self) -> dict[str, str]:
        """Class id, as text, to name."""
        found = self.metadata.get("class-map")
        items = found.items() if isinstance(found, dict) else ()
        return {str(key): name for key, name in items if isinstance(name, str) and name}


class Line(NamedTuple):
    """One image: where its file was, and the jobs that it went through.

    Attributes:
        number: The line, from 1.
        key: Its name without scheme and bucket, with ``/``.
        jobs: In the order of the file.
    """

    number: int
    key: str
    jobs: dict[str, Job]

    @property
    def base_name(self) -> str:
        """The file's own name."""
        return self.key.rsplit("/", 1)[-1]


def read_lines(path: Path) -> list[Line]:
    """Read a manifest, and report all its broken lines at once.

    Raises:
        DataError: It cannot be read, or a line is not a JSON object that names an image.
    """

    def read(line: tuple[int, bytes]) -> Line:
        number, data = line
        return _read_line(decode_json(data, path, line=number), number, path)

    return read_each(_iter_lines(path), read, "broken lines")


def _iter_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as stream:
            for number, data in enumerate(iter_bounded(stream, path), 1):
                text = data.removeprefix(b"\xef\xbb\xbf").strip()
                if text:
                    yield number, text
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error


def _read_line(content: Any, number: int, path: Path) -> Line:
    reference = content.get("source-ref") if isinstance(content, dict) else None
    if not isinstance(reference, str):
        raise DataError("the line has no `source-ref` with an image", path=path, line=number)
    key = _BUCKET.sub("", reference).replace("\\", "/")
    if not key or key.endswith("/"):
        raise DataError(f"{reference[:80]!r} names no image", path=path, line=number)
    jobs: dict[str, Job] = {}
    for name, metadata in content.items():
        if name.endswith(_METADATA) and isinstance(metadata, dict):
            job = name.removesuffix(_METADATA)
            value = content.get(job)
            boxes = isinstance(value, dict) and "annotations" in value
            jobs[job] = Job(value, metadata, boxes or metadata.get("type") == _DETECTION)
    for name, job in jobs.items():
        if job.draws_boxes and job.value is not None and not _has_list(job.value):
            raise DataError(f"`{name}` has no list of annotations", path=path, line=number)
    return Line(number, key, jobs)


def _has_list(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("annotations"), list)


def read_size(value: Any) -> tuple[int, int] | tuple[None, None]:
    """Return width and height of a job's result, where it states them."""
    sizes = value.get("image_size") if isinstance(value, dict) else None
    size = sizes[0] if isinstance(sizes, list) and sizes else sizes
    if not isinstance(size, dict):
        return None, None
    width, height = size.get("width"), size.get("height")
    if not isinstance(width, int) or not isinstance(height, int):
        return None, None
    usable = 0 < width < MAX_SIDE_PX and 0 < height < MAX_SIDE_PX
    return (width, height) if usable else (None, None)


def read_box(item: Any) -> list[float]:
    """Return the xyxy of a box in px.

    Raises:
        ValueError: It is none; the message says why.
    """
    if not isinstance(item, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - of the file, not of an argument
    values = [item.get(key) for key in ("left", "top", "width", "height")]
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) < 4 or not all(abs(value) < MAX_SIDE_PX for value in numbers):
        shown = ", ".join(map(str, values))[:80]
        raise ValueError(f"its left, top, width, height are not four numbers: {shown}")
    left, top, width, height = map(float, numbers)
    return [left, top, left + width, top + height]
