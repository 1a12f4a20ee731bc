"""Writes Label Studio: tasks to import, a file a split, and the labelling configuration.

Images are named as local files below the set's folder, which is to be the tool's document root
(``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

import msgspec
import numpy as np

from yolokit.core.task import Task
from yolokit.errors import DataError
from yolokit.labels.shapes import ring_area, smallest_rotated_box

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.core.types import F64
    from yolokit.labels.model import Annotations, Dataset, LabelledImage
    from yolokit.labels.shapes import Shape

_CONTROLS: dict[Task, str] = {Task.SEGMENT: "PolygonLabels"}
_OFF_PX = 0.005


def write_labelstudio(dataset: Dataset, folder: Path, remarks: Sequence[str]) -> None:
    """Write ``<split>.json`` and ``label_config.xml``.

    Args:
        dataset: Images with split and size, annotations inside the image.
        folder: Where the set is built.
        remarks: Sentences for people, kept in the configuration.

    Raises:
        DataError: A class has a name that XML cannot hold.
    """
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
    for name in (*dataset.names, *points):
        if any(ord(character) < 32 or 0xD800 <= ord(character) < 0xE000 for character in name):
            raise DataError(f"XML cannot hold the class name {name!r}")
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
