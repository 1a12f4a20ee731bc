"""What the ``<meta>`` of a CVAT file says: labels, and which frames of a video there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from yolokit.formats.toolkit.xml_tree import XmlElement

_STEP = re.compile(r"step\s*=\s*([0-9]+)")
_OWNERS = ("task", "job", "project")


class TaskFrames(msgspec.Struct, frozen=True):
    """The frames of a task or job, in the numbers of the video.

    Attributes:
        start: The first one.
        stop: The last one at most, or None where it is not stated.
        step: From one to the next.
        size_wh: Width and height in px, or None.
        subset: The part of the project, or an empty text.
    """

    start: int = 0
    stop: int | None = None
    step: int = 1
    size_wh: tuple[int, int] | None = None
    subset: str = ""

    def holds(self, frame: int) -> bool:
        """Tell whether a frame is one of them."""
        if frame < self.start or self.stop is None or frame > self.stop:
            return False
        return (frame - self.start) % self.step == 0


class CvatMeta(msgspec.Struct, frozen=True):
    """What a file says about itself.

    Attributes:
        owner: ``task``, ``job`` or ``project``, or an empty text.
        labels: The names of the labels, those of a skeleton's points left out.
        point_labels: Skeleton label to the labels of its points.
        tasks: Frames by the id of their task; one of a task or job under an empty text.
        videos: The names of the videos that were annotated.
    """

    owner: str
    labels: tuple[str, ...]
    point_labels: dict[str, list[str]]
    tasks: dict[str, TaskFrames]
    videos: tuple[str, ...]

    def frames_of(self, task_id: str) -> TaskFrames:
        """Return the frames of a task; of the only one where there is one."""
        if task_id in self.tasks:
            return self.tasks[task_id]
        return next(iter(self.tasks.values())) if len(self.tasks) == 1 else TaskFrames()


def read_meta(root: XmlElement) -> CvatMeta:
    """Read ``meta/task``, ``meta/job`` or ``meta/project``; what is missing stays empty."""
    meta = root.find("meta")
    owner = next((name for name in _OWNERS if meta and meta.find(name)), "")
    about = meta.find(owner) if meta is not None and owner else None
    if meta is None or about is None:
        return CvatMeta("", (), {}, {}, ())
    labels: dict[str, None] = {}
    point_labels: dict[str, list[str]] = {}
    described = about.find("labels")
    for label in described.all("label") if described is not None else ():
        name, parent = label.text_of("name"), label.text_of("parent")
        if name and parent:
            point_labels.setdefault(parent, []).append(name)
        elif name:
            labels[name] = None
    inner = about.find("tasks")
    tasks = {"": _read_frames(about)}
    if inner is not None:
        tasks = {task.text_of("id"): _read_frames(task) for task in inner.all("task")}
    return CvatMeta(owner, tuple(labels), point_labels, tasks, _videos(meta, about))


def _videos(meta: XmlElement, about: XmlElement) -> tuple[str, ...]:
    tasks = about.find("tasks")
    places = [meta, about, *(tasks.all("task") if tasks is not None else ())]
    return tuple(name for place in places if (name := place.text_of("source")))


def _read_frames(about: XmlElement) -> TaskFrames:
    found = _STEP.search(about.text_of("frame_filter")[:200])
    step = max(_whole(found.group(1)) or 1, 1) if found else 1
    start = _whole(about.text_of("start_frame")) or 0
    stop, size = _whole(about.text_of("stop_frame")), _whole(about.text_of("size"))
    if stop is None and size is not None:
        stop = start + (size - 1) * step
    width = _whole(about.text_of("original_size", "width"))
    height = _whole(about.text_of("original_size", "height"))
    wh = (width, height) if width and height else None
    return TaskFrames(start, stop, step, wh, about.text_of("subset"))


def _whole(text: str) -> int | None:
    """Return a whole number that is not negative, None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
