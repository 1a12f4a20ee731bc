"""Label Studio: JSON and JSON-MIN of its exports, and the files of its cloud storage.

Coordinates are percent of the original image; a rectangle is turned clockwise about its top-left
corner, in pixels. Several annotators may have done a task: ``--assume annotators`` says which
counts. The tool's own exporters disagree there: COCO puts all of them into one image, YOLO lets
the oldest overwrite the others.

Keypoints have a ``parentID``: the area that they are part of. The tool knows no visibility; here
a choice ``hidden`` or ``occluded`` on a keypoint's region makes it a hidden one.

Source: labelstud.io "Label Studio JSON format of annotated tasks"; label-studio-sdk
``converter/converter.py``; label-studio ``web/libs/editor/src/regions``.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.formats.labelstudio.config import find_label_config
from yolokit.formats.labelstudio.reader import TaskFile, TaskReader
from yolokit.formats.labelstudio.tasks import list_tasks
from yolokit.formats.labelstudio.writer import write_labelstudio
from yolokit.formats.toolkit.json_file import read_json
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match
from yolokit.formats.toolkit.source_tree import SourceTree, read_each

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from yolokit.formats.toolkit.plugin import ReadOptions
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import Dataset

TITLE = "Label Studio"
READS: tuple[Task, ...] = (Task.DETECT, Task.SEGMENT, Task.POSE, Task.OBB)
RECOGNISED_BY = "JSON tasks with data and annotations, each with a list result"
ASSUME: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"annotators": ("last", "first", "all"), "unlabelled": ("background", "exclude")}
)
WRITES: tuple[Task, ...] = READS
IMAGE_FOLDER = "images/{split}"
WRITTEN = ("{split}.json", "label_config.xml")
MANY_OUTLINES = False

_SNIFFED_FILES = 10
_RESULT = re.compile(rb'"result"\s*:\s*\[')
_OF_THE_TOOL = re.compile(rb'"(from_name|was_cancelled|completed_by|completions|lead_time)"\s*:')
_DATA = re.compile(rb'"data"\s*:\s*\{')
_LISTS = re.compile(rb'"(annotations|predictions)"\s*:\s*\[')
_NO_ANNOTATION = re.compile(rb'"annotations"\s*:\s*\[\s*\]')
_LABELS = re.compile(rb'"(rectangle|polygon|brush|ellipse|keypoint)labels"\s*:\s*\[')
_BRIEF_KEYS = (re.compile(rb'"annotation_id"\s*:'), re.compile(rb'"annotator"\s*:'))


def sniff(tree: SourceTree) -> Match | None:
    """Recognise JSON tasks with results."""
    for file in islice(tree.files(".json"), _SNIFFED_FILES):
        seen = _what_it_is(tree.head(file))
        if seen is not None:
            return Match(1.0, f"{file.name} holds {seen}")
    return None


def read(source: Path, options: ReadOptions, ledger: Ledger) -> Dataset:
    """Read one export or a folder of them; see :class:`yolokit.formats.toolkit.plugin.Format`.

    Raises:
        DataError: There is no file with tasks, one is broken, with the line, or nobody has
            annotated any task.
    """
    tree = SourceTree(source)
    files = [file for file in tree.files(".json") if _what_it_is(tree.head(file)) is not None]
    if source.is_file():
        files = [source]
    if not files:
        raise DataError("there is no JSON file with tasks of Label Studio in it", path=source)
    layout = SourceLayout(source, options.images)
    beside = (
        tree.files(".xml")
        if source.is_dir()
        else filter(Path.is_file, sorted(layout.root.glob("*.xml")))
    )
    reader = TaskReader(options, find_label_config(beside), ledger)
    what = "files that are not tasks of Label Studio"
    contents = read_each(files, lambda file: list_tasks(read_json(file), file), what)
    for file, tasks in zip(files, contents, strict=True):
        split, about = layout.describe_set_file(file, "index")
        reader.add_file(TaskFile(about, split, tasks))
    return reader.finish(source)


def write(dataset: Dataset, folder: Path, remarks: Sequence[str] = ()) -> None:
    """Write tasks and a configuration; see :class:`yolokit.formats.toolkit.plugin.Format`."""
    write_labelstudio(dataset, folder, remarks)


def _what_it_is(head: bytes) -> str | None:
    """Return what the head of a JSON file shows, or None if these are not tasks."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    has_data = _DATA.search(head) and _LISTS.search(head)
    if _RESULT.search(head) and (_OF_THE_TOOL.search(head) or has_data):
        return "tasks with lists of results"
    if start != b"[":
        return None
    if _DATA.search(head) and _NO_ANNOTATION.search(head):
        return "tasks with data and no annotation yet"
    if _LABELS.search(head) or all(pattern.search(head) for pattern in _BRIEF_KEYS):
        return "tasks in the short form JSON-MIN"
    return None
