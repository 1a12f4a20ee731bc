"""Tasks of Label Studio, from the shapes that its exports have, and which annotation counts.

- ``JSON``: a list of tasks, or one task a file, with ``annotations`` (once ``completions``).
- ``JSON-MIN``: a list with an item an annotation; results are under the names of controls.
- Cloud storage: one annotation a file, its ``task`` inside it.

Source: label-studio-sdk ``converter/converter.py:annotation_result_from_task`` and
``convert_to_json_min``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from yolokit.errors import DataError
from yolokit.formats.toolkit.json_file import as_list, as_text
from yolokit.formats.toolkit.xml_tree import XmlElement, read_xml

_MIN_KEYS = frozenset(
    {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement"}
)
_LOOKED_AT = 20
_HEAD_BYTES = 256


class StudioTask(NamedTuple):
    """What is shown to an annotator, and the resulting annotations.

    Attributes:
        name: For messages: its id, or its place in the file.
        data: What it shows: key to value.
        annotations: One each time that somebody did it.
        prediction_count: How many results of models are beside them.
    """

    name: str
    data: dict[str, Any]
    annotations: list[dict[str, Any]]
    prediction_count: int


def list_tasks(content: Any, path: Path) -> list[StudioTask]:
    """Return the tasks of a decoded file.

    Raises:
        DataError: It holds no tasks.
    """
    items = content if isinstance(content, list) else [content]
    tasks: list[StudioTask] = []
    brief: dict[str, list[dict[str, Any]]] = {}
    for at, item in enumerate(items):
        if not isinstance(item, dict):
            raise DataError(
                f"item {at} of the list is not a task but {str(item)[:40]!r}", path=path
            )
        name = as_text(item.get("id")) or f"number {at}"
        annotations = item.get("annotations", item.get("completions"))
        task = item.get("task")
        if isinstance(item.get("data"), dict) and (annotations is None or _is_dicts(annotations)):
            predictions = len(as_list(item.get("predictions")))
            tasks.append(StudioTask(name, item["data"], annotations or [], predictions))
        elif isinstance(task, dict) and isinstance(task.get("data"), dict) and "result" in item:
            tasks.append(StudioTask(as_text(task.get("id")) or name, task["data"], [item], 0))
        elif "data" not in item and annotations is None and _is_brief(item):
            brief.setdefault(name, []).append(item)
        else:
            raise DataError(f"{name} is not a task with `data` and `annotations`", path=path)
    return tasks + [_from_brief(name, found) for name, found in brief.items()]


def _is_dicts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_brief(item: dict[str, Any]) -> bool:
    return "annotation_id" in item or any(_is_regions(value) for value in item.values())


def _is_regions(value: Any) -> bool:
    return bool(value) and _is_dicts(value)


def _from_brief(name: str, items: list[dict[str, Any]]) -> StudioTask:
    """Make a task of the items of JSON-MIN that share its id, each an annotation."""
    data = {
        key: value
        for key, value in items[0].items()
        if key not in _MIN_KEYS and not _is_regions(value)
    }
    annotations = []
    for item in items:
        results = [
            {
                "type": "",
                "from_name": key,
                "value": value,
                "original_width": value.get("original_width"),
                "original_height": value.get("original_height"),
                "id": value.get("id"),
                "parentID": value.get("parentID"),
            }
            for key, values in item.items()
            if key not in _MIN_KEYS and _is_regions(values)
            for value in values
        ]
        annotations.append({**{key: item.get(key) for key in _MIN_KEYS}, "result": results})
    return StudioTask(name, data, annotations, 0)


def is_cancelled(annotation: dict[str, Any]) -> bool:
    """Tell whether an annotator skipped the task."""
    return bool(annotation.get("was_cancelled") or annotation.get("skipped"))


def choose_annotations(annotations: Sequence[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    """Return the annotations of one task that count.

    Args:
        annotations: Those that nobody cancelled.
        rule: ``last``: the one marked as ground truth, else the one updated last; ``first``: the
            one created first; ``all``.
    """
    if len(annotations) < 2 or rule == "all":
        return list(annotations)
    if rule == "first":
        return [min(annotations, key=lambda one: as_text(one.get("created_at")))]
    marked = [one for one in annotations if one.get("ground_truth") is True]
    by_time = sorted(marked or annotations, key=_updated_at)
    return by_time[-1:]


def _updated_at(annotation: dict[str, Any]) -> str:
    return as_text(annotation.get("updated_at")) or as_text(annotation.get("created_at"))


def results_of(annotation: dict[str, Any]) -> list[Any]:
    """Return the results of an annotation; none if it holds no list."""
    return as_list(annotation.get("result"))


class LabelConfig(NamedTuple):
    """What a configuration lists.

    Attributes:
        file_name: The file that has it, or empty.
        classes: The labels of controls that draw areas.
        keypoints: The labels of keypoints, by their ``model_index`` where they have one.
    """

    file_name: str = ""
    classes: tuple[str, ...] = ()
    keypoints: tuple[str, ...] = ()


def find_label_config(files: Iterable[Path]) -> LabelConfig:
    """Read the configuration that is among some XML files, an empty one if there is none.

    Raises:
        DataError: There is one, and it is not well-formed XML.
    """
    for file in islice(files, _LOOKED_AT):
        try:
            with file.open("rb") as stream:
                head = stream.read(_HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
        except OSError:
            continue
        if head.startswith((b"<View>", b"<View ")):
            return _read_config(read_xml(file), file.name)
    return LabelConfig()


def _read_config(root: XmlElement, file_name: str) -> LabelConfig:
    classes: dict[str, None] = {}
    keypoints: dict[str, float] = {}
    for control in _walk(root):
        tag = control.tag.lower()
        if not tag.endswith("labels"):
            continue
        for label in _walk(control):
            value = label.attributes.get("value", "").strip()
            if label.tag != "Label" or not value:
                continue
            if tag == "keypointlabels":
                index = label.attributes.get("model_index", "")
                order = float(index) if index.isdecimal() else float("inf")
                keypoints.setdefault(value, order)
            else:
                classes.setdefault(value)
    ordered = sorted(keypoints, key=lambda name: keypoints[name])
    return LabelConfig(file_name, tuple(classes), tuple(ordered))


def _walk(element: XmlElement) -> Iterator[XmlElement]:
    for child in element.children:
        yield child
        yield from _walk(child)
