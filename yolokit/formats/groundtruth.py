"""AWS SageMaker Ground Truth and Rekognition manifests: one JSON object a line, an image each.

``source-ref`` names the image, mostly as ``s3://BUCKET/KEY``; nothing is fetched: its file is
looked for here. A labelling job puts its result under a name of its own, and what belongs to it
under the same name with ``-metadata``: the classes of the boxes (``class-map``, id as text to
name), dates, reasons of failures. Boxes are left, top, width and height in px. A file that went
through several jobs, such as one that draws and one that adjusts, has the results of all.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sms-data-output.html ("Bounding Box Job
Output"); Rekognition Custom Labels, "Object localization in manifest files".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from yolokit.core.plural import counted
from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.files.size_limits import iter_bounded
from yolokit.formats.toolkit.json_file import as_dict, decode_json, read_size
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.labels.builder import ImageRows, build_dataset
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Dataset, ImageRecord, SourceFile

TITLE = "AWS SageMaker Ground Truth manifest"
READS: tuple[Task, ...] = (Task.DETECT,)
RECOGNISED_BY = "lines of JSON with source-ref, annotations and ...-metadata"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType({"job": ("latest", "first", "all")})

_KEYS = (b'"source-ref"', b'"annotations"', b'-metadata"')
_SUFFIXES = (".manifest", ".jsonl", ".json")
_METADATA = "-metadata"
_DETECTION = "groundtruth/object-detection"
_BUCKET = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://[^/]*/")
_FAR_PX = 1 << 31


def sniff(tree: SourceTree) -> Match | None:
    """Recognise manifests by the keys of their lines."""
    files = _find_files(tree)
    if not files:
        return None
    return Match(1.0, f"{files[0].name}: lines with source-ref, annotations and ...-metadata")


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Open one manifest or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no manifest, or one has broken lines.
    """
    files = [source] if source.is_file() else _find_files(SourceTree(source))
    if not files:
        raise DataError("there is no manifest of Ground Truth in it", path=source)
    layout = SourceLayout(source, options.images)
    manifests = read_each(files, lambda file: _Manifest(file, layout, options), "broken manifests")
    images = [rows for one in manifests for rows in one.iter_rows(ledger)]
    evidence = [sentence for one in manifests for sentence in one.evidence()]
    return build_dataset(images, evidence=evidence)


def _find_files(tree: SourceTree) -> list[Path]:
    """Return the manifests; those of steps in between not, where a job's output is there too."""
    found = [
        file for file in tree.files(*_SUFFIXES) if all(key in tree.head(file) for key in _KEYS)
    ]
    final = [file for file in found if "intermediate" not in file.parts]
    return final or found


class _Manifest:
    """A file with the jobs that it went through, of which one is taken."""

    def __init__(self, path: Path, layout: SourceLayout, options: ReadOptions) -> None:
        read = partial(_read_line, path)
        self._lines = read_each(_iter_lines(path), read, "broken lines")
        self._split, self._source = layout.describe_set_file(path, "line")
        self._base_names = Counter(line.base_name for line in self._lines)
        self._jobs = _Jobs(self._lines, options.assume.get("job", "latest"))

    def evidence(self) -> Iterator[str]:
        """Say which jobs there are and which is taken."""
        yield from self._jobs.evidence(self._source.path)

    def iter_rows(self, ledger: Ledger) -> Iterator[ImageRows]:
        """Yield the images that the job labelled; each other one is noted."""
        for line in self._lines:
            reader = _LineReader(line, self._source, ledger)
            reader.exclude_others(self._jobs.taken)
            taken = {name: line.jobs[name] for name in self._jobs.taken if name in line.jobs}
            drawn = {name: job for name, job in taken.items() if job.draws_boxes}
            failed = [job for job in drawn.values() if job.failure is not None]
            usable = {
                name: job
                for name, job in drawn.items()
                if job.failure is None and job.value is not None
            }
            reader.exclude_failed(failed)
            if not usable:
                reader.note_left_out(failed)
                continue
            rows = ImageRows(self._record(line, list(usable.values())[-1].value))
            for name, job in usable.items():
                reader.add_boxes(rows, job, self._jobs.names_of(name, job))
            yield rows

    def _record(self, line: _Line, value: Any) -> ImageRecord:
        name = line.key
        others: tuple[str, ...] = ()
        if self._base_names[line.base_name] == 1 and line.base_name != name:
            name, others = line.base_name, (line.key,)
        sizes = as_dict(value).get("image_size")
        width_px, height_px = read_size(sizes[0] if isinstance(sizes, list) and sizes else sizes)
        return ImageRecord(name, width_px, height_px, self._split, None, self._source, others)


class _Jobs:
    """The jobs of a file that draw boxes, and which of them are taken.

    That is the ``latest`` by their dates, the ``first`` in the file, or ``all``.
    """

    def __init__(self, lines: Sequence[_Line], choice: str) -> None:
        self._images: Counter[str] = Counter()
        self._class_maps: dict[str, dict[str, set[str]]] = {}
        dates: dict[str, str] = {}
        for line in lines:
            for name, job in line.jobs.items():
                if not job.draws_boxes:
                    continue
                self._images[name] += job.value is not None
                dates[name] = max(dates.get(name, ""), job.date)
                for class_id, class_name in job.class_map.items():
                    names = self._class_maps.setdefault(name, {}).setdefault(class_id, set())
                    names.add(class_name)
        order = list(self._images)
        if choice == "all" or not order:
            self.taken = tuple(order)
        elif choice == "first":
            self.taken = (order[0],)
        else:  # a job that adjusts boxes comes after the one that drew them
            self.taken = (max(order, key=lambda name: (dates[name], order.index(name))),)

    def evidence(self, path: str) -> Iterator[str]:
        """Say which jobs there are, if there is more than one."""
        if len(self._images) > 1:
            jobs = ", ".join(
                f"{name} ({counted(count, 'image')})" for name, count in self._images.items()
            )
            taken = " and ".join(self.taken)
            yield f"{path} has the jobs {jobs}; taken: {taken} (--assume job=latest|first|all)"
        elif self._images:
            yield f"{path} has boxes of the job {self.taken[0]}"

    def names_of(self, name: str, job: _Job) -> dict[str, str]:
        """Return a job's classes in one line: its own, and those that other lines agree on."""
        agreed = self._class_maps.get(name, {})
        others = {key: next(iter(names)) for key, names in agreed.items() if len(names) == 1}
        return {**others, **job.class_map}


class _LineReader:
    """Reads one line; what is left out goes to the ledger."""

    def __init__(self, line: _Line, source: SourceFile, ledger: Ledger) -> None:
        self._line = line
        self._source = source
        self._ledger = ledger

    def exclude_others(self, taken: Sequence[str]) -> None:
        """Enter the results of the jobs that are not taken."""
        for name, job in self._line.jobs.items():
            if job.value is None or (name in taken and job.draws_boxes):
                continue
            if job.draws_boxes:
                for _ in job.value["annotations"]:
                    self._exclude("other-job", f"the box is of the job {name}")
            else:
                self._exclude("not-an-area", f"the job {name} draws no boxes")

    def exclude_failed(self, jobs: Sequence[_Job]) -> None:
        """Enter the boxes of jobs that failed for this image."""
        for job in jobs:
            for _ in job.value["annotations"] if job.value is not None else ():
                self._exclude("labelling-failed", f"the job failed: {job.failure}")

    def note_left_out(self, failed: Sequence[_Job]) -> None:
        """Note an image that has no usable result: nobody said that nothing is on it."""
        code = "labelling-failed" if failed else "unlabelled"
        why = f"the job failed: {failed[0].failure}" if failed else "no job labelled it"
        message = f"{self._line.key} is left out: {why}"
        self._ledger.note(self._source, self._line.number, code, message)

    def add_boxes(self, rows: ImageRows, job: _Job, names: Mapping[str, str]) -> None:
        """Add the boxes of a job."""
        items = job.value["annotations"]
        self._ledger.see(len(items))
        for at, item in enumerate(items):
            try:
                box = _read_box(item)
                class_id = item.get("class_id")
                name = names.get(str(class_id))
                if name is None:
                    raise ValueError(f"its class {class_id} has no name in the class-map")  # noqa: TRY301
            except ValueError as error:
                message = f"box {at}: {error}"
                self._ledger.record(self._source, self._line.number, "dropped", "bad-box", message)
                continue
            rows.add(name, self._line.number, box)

    def _exclude(self, code: str, message: str) -> None:
        self._ledger.see(1)
        self._ledger.record(self._source, self._line.number, "excluded", code, message)


class _Job(NamedTuple):
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
        items = as_dict(self.metadata.get("class-map")).items()
        return {str(key): name for key, name in items if isinstance(name, str) and name}


class _Line(NamedTuple):
    """One image: where its file was, and the jobs that it went through.

    Attributes:
        number: The line, from 1.
        key: Its name without scheme and bucket, with ``/``.
        jobs: In the order of the file.
    """

    number: int
    key: str
    jobs: dict[str, _Job]

    @property
    def base_name(self) -> str:
        """The file's own name."""
        return self.key.rsplit("/", 1)[-1]


def _iter_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as stream:
            for number, data in enumerate(iter_bounded(stream, path), 1):
                text = data.removeprefix(b"\xef\xbb\xbf").strip()
                if text:
                    yield number, text
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error


def _read_line(path: Path, numbered: tuple[int, bytes]) -> _Line:
    number, data = numbered
    content = decode_json(data, path, line=number)
    reference = as_dict(content).get("source-ref")
    if not isinstance(reference, str):
        raise DataError("the line has no `source-ref` with an image", path=path, line=number)
    key = _BUCKET.sub("", reference).replace("\\", "/")
    if not key or key.endswith("/"):
        raise DataError(f"{reference[:80]!r} names no image", path=path, line=number)
    jobs: dict[str, _Job] = {}
    for name, metadata in content.items():
        if name.endswith(_METADATA) and isinstance(metadata, dict):
            job = name.removesuffix(_METADATA)
            value = content.get(job)
            boxes = "annotations" in as_dict(value) or metadata.get("type") == _DETECTION
            jobs[job] = _Job(value, metadata, boxes)
    for name, job in jobs.items():
        items = as_dict(job.value).get("annotations")
        if job.draws_boxes and job.value is not None and not isinstance(items, list):
            raise DataError(f"`{name}` has no list of annotations", path=path, line=number)
    return _Line(number, key, jobs)


def _read_box(item: Any) -> list[float]:
    """Return the xyxy of a box in px.

    Raises:
        ValueError: It is none; the message says why.
    """
    if not isinstance(item, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - of the file, not of an argument
    values = [item.get(key) for key in ("left", "top", "width", "height")]
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) < 4 or not all(abs(value) < _FAR_PX for value in numbers):
        shown = ", ".join(map(str, values))[:80]
        raise ValueError(f"its left, top, width, height are not four numbers: {shown}")
    left, top, width, height = map(float, numbers)
    return [left, top, left + width, top + height]
