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

import math
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import msgspec
import numpy as np

from yolokit.core.task import Task
from yolokit.core.types import F64
from yolokit.errors import DataError
from yolokit.formats.labelstudio.reader import TaskFile, TaskReader
from yolokit.formats.labelstudio.tasks import find_label_config, list_tasks
from yolokit.formats.toolkit.json_file import read_json
from yolokit.formats.toolkit.layout import SourceLayout
from yolokit.formats.toolkit.plugin import Match, ReadOptions
from yolokit.formats.toolkit.source_tree import SourceTree, read_each
from yolokit.formats.toolkit.xml_tree import check_xml_names
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import Annotations, Dataset, LabelledImage
from yolokit.labels.shapes import Shape, ring_area, smallest_rotated_box

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
_CONTROLS: dict[Task, str] = {Task.SEGMENT: "PolygonLabels"}
_OFF_PX = 0.005


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
    files = tree.pick(_what_it_is, ".json")
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
    writer = _TaskWriter(dataset)
    tasks: dict[str, list[bytes]] = {}
    encode = msgspec.json.Encoder().encode
    for number, labelled in enumerate(dataset.iter_images(), 1):
        split = labelled.image.split or "train"
        tasks.setdefault(split, []).append(encode(writer.task(number, split, labelled)))
    for split, items in tasks.items():
        (folder / f"{split}.json").write_bytes(b"[\n" + b",\n".join(items) + b"\n]\n")
    text = "\n".join(_config_lines(dataset, remarks)) + "\n"
    (folder / "label_config.xml").write_text(text, encoding="utf-8", newline="\n")


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


class _TaskWriter:
    """Makes the task of an image, its regions in percent."""

    def __init__(self, dataset: Dataset) -> None:
        self._names = dataset.names
        self._points = dataset.pose.names if dataset.pose is not None else ()

    def task(self, number: int, split: str, labelled: LabelledImage) -> dict[str, Any]:
        path = quote(f"images/{split}/{labelled.image.file_name}")
        results = [
            result
            for row in range(len(labelled.annotations))
            for result in self._results(labelled, row)
        ]
        annotation = {"id": number, "was_cancelled": False, "ground_truth": False}
        return {
            "id": number,
            "data": {"image": f"/data/local-files/?d={path}"},
            "annotations": [{**annotation, "result": results}],
            "predictions": [],
        }

    def _results(self, labelled: LabelledImage, row: int) -> list[dict[str, Any]]:
        width_px, height_px = labelled.image.image_wh
        frame = {
            "to_name": "image",
            "original_width": width_px,
            "original_height": height_px,
            "image_rotation": 0,
        }
        annotations = labelled.annotations
        name = self._names[int(annotations.category_indices[row])]
        value = _value_of(annotations, row, (width_px, height_px))
        kind = "polygonlabels" if "points" in value else "rectanglelabels"
        region = f"r{row}"
        head = {"id": region, "type": kind, "from_name": "label", **frame}
        results: list[dict[str, Any]] = [{**head, "value": {**value, kind: [name]}}]
        if annotations.keypoints is None:
            return results
        for at, (x, y, visibility) in enumerate(annotations.keypoints[row].tolist()):
            if not visibility:
                continue
            place = {"x": _percent(x, width_px), "y": _percent(y, height_px), "width": 0.5}
            head = {"id": f"{region}k{at}", **frame}
            labels = {**place, "keypointlabels": [self._points[at]]}
            point = {**head, "type": "keypointlabels", "from_name": "keypoints"}
            results.append({**point, "value": labels, "parentID": region})
            if visibility == 1:
                choice = {**head, "type": "choices", "from_name": "visibility"}
                results.append({**choice, "value": {**place, "choices": ["hidden"]}})
        return results


def _value_of(annotations: Annotations, row: int, wh: tuple[int, int]) -> dict[str, Any]:
    """Return the geometry of an annotation in percent."""
    shape = annotations.shapes.get(row)
    if shape is None:
        x1, y1, x2, y2 = annotations.xyxy[row].tolist()
        return _rectangle((x1, y1), (x2 - x1, y2 - y1), 0.0, wh)
    if shape.kind == "polygon":
        points = (shape.rings[0] / np.array(wh, np.float64) * 100).round(8).tolist()
        return {"points": points, "closed": True}
    corners = _as_rectangle(shape)
    right, down = corners[1] - corners[0], corners[3] - corners[0]
    degrees = math.degrees(math.atan2(right[1], right[0])) % 360
    size = (float(np.hypot(*right)), float(np.hypot(*down)))
    return _rectangle((float(corners[0, 0]), float(corners[0, 1])), size, degrees, wh)


def _as_rectangle(shape: Shape) -> F64:
    """Return four corners clockwise as seen, with right angles: there is no other box here."""
    corners = shape.rings[0]
    right, down = corners[1] - corners[0], corners[3] - corners[0]
    length = max(float(np.hypot(*right)), float(np.hypot(*down)), _OFF_PX)
    off_px = max(
        float(np.abs(corners[0] + right + down - corners[2]).max()),
        abs(float(np.dot(right, down))) / length,
    )
    if off_px > _OFF_PX:
        corners = smallest_rotated_box(corners)
    return corners if ring_area(corners) >= 0 else corners[[0, 3, 2, 1]]


def _rectangle(
    corner: tuple[float, float], size: tuple[float, float], degrees: float, wh: tuple[int, int]
) -> dict[str, Any]:
    return {
        "x": _percent(corner[0], wh[0]),
        "y": _percent(corner[1], wh[1]),
        "width": _percent(size[0], wh[0]),
        "height": _percent(size[1], wh[1]),
        "rotation": round(degrees, 8),
    }


def _percent(value_px: float, side_px: int) -> float:
    return round(value_px / side_px * 100, 8)


def _config_lines(dataset: Dataset, remarks: Sequence[str]) -> list[str]:
    points = dataset.pose.names if dataset.pose is not None else ()
    check_xml_names((*dataset.names, *points))
    control = _CONTROLS.get(dataset.task, "RectangleLabels")
    lines = ["<View>"]
    lines += [f"  <!-- {escape(remark).replace('--', '- -')} -->" for remark in remarks]
    lines += [
        '  <Image name="image" value="$image"/>',
        f'  <{control} name="label" toName="image">',
    ]
    lines += [f"    <Label value={quoteattr(name)}/>" for name in dataset.names]
    lines.append(f"  </{control}>")
    if points:
        lines.append('  <KeyPointLabels name="keypoints" toName="image">')
        lines += [
            f'    <Label value={quoteattr(name)} model_index="{at}"/>'
            for at, name in enumerate(points)
        ]
        lines += [
            "  </KeyPointLabels>",
            '  <Choices name="visibility" toName="image" perRegion="true" whenTagName="keypoints">',
            '    <Choice value="hidden"/>',
            "  </Choices>",
        ]
    return [*lines, "</View>"]
