"""CVAT for video: which frames there are, their image files, and what tracks show in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.formats.cvat.shapes import AREAS, NO_AREAS, Drawing, interpolate, read_drawing
from yolokit.formats.toolkit.image_locator import ImageLocator
from yolokit.formats.toolkit.xml_tree import XmlElement
from yolokit.images.listing import walk_images
from yolokit.labels.ledger import Ledger
from yolokit.labels.model import SourceFile

MAX_FRAME = 1 << 21
"""A frame beyond this one (19 hours of video) is taken for a mistake."""
MAX_MADE = 1 << 21

_STEP = re.compile(r"step\s*=\s*([0-9]+)")
_OWNERS = ("task", "job", "project")
_FRAME = re.compile(r"(?:^|/)frame_([0-9]{6,9})\.[^./]+$")


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


class FrameFiles:
    """Finds the files of frames in some folders.

    Those ``in_order`` have names of their own and are the frames in their order.
    """

    def __init__(self, roots: Sequence[str], frames: TaskFrames, *, in_order: bool) -> None:
        self._roots = roots
        self._frames = frames
        self._in_order = in_order
        self._locator = ImageLocator(roots)

    def find(self, frame: int) -> str | None:
        """Return the name of a frame's file, None if there is none."""
        if not self._in_order:
            found = self._locator.find(f"frame_{frame:06d}")
            return None if found is None else found.name
        at, rest = divmod(frame - self._frames.start, self._frames.step)
        return self.names[at] if not rest and 0 <= at < len(self.names) else None

    def iter_found(self) -> Iterator[int]:
        """Yield the frames that have a file, those of other tasks left out."""
        if self._in_order:
            for at in range(len(self.names)):
                yield self._frames.start + at * self._frames.step
            return
        numbers = {int(found.group(1)) for name in self._walk() if (found := _FRAME.search(name))}
        yield from (number for number in sorted(numbers) if self._frames.holds(number))

    @cached_property
    def names(self) -> list[str]:
        """The images in the first folder that has any, sorted."""
        for root in self._roots:
            names = list(walk_images(Path(root)))
            if names:
                return names
        return []

    def _walk(self) -> Iterator[str]:
        for root in self._roots:
            yield from walk_images(Path(root))


class _Seen(NamedTuple):
    """What is seen in one frame, and the line that says so."""

    frame: int
    drawing: Drawing
    line: int


class _Key(NamedTuple):
    """A shape as the file has it; without a drawing where it is faulty."""

    frame: int
    drawing: Drawing | None
    line: int
    is_outside: bool = False


class TrackReader:
    """Reads tracks, and fills the frames between key frames.

    Args:
        ledger: Gets every shape in the file, and every one that is made.
        gaps: ``fill``, ``leave``, or ``auto`` to leave those of tracks that list frames between
            key frames: there CVAT has written all that it shows.
        holds_to_stop: Whether what does not end is seen until the last frame of the task.
    """

    def __init__(self, ledger: Ledger, *, gaps: str, holds_to_stop: bool) -> None:
        self._ledger = ledger
        self._gaps = gaps
        self._holds_to_stop = holds_to_stop
        self.made = 0
        self.gaps_left = 0
        self.open_ends = 0

    def read(self, track: XmlElement, source: SourceFile, frames: TaskFrames) -> list[_Seen]:
        """Return what a track shows, by frame.

        Raises:
            DataError: More boxes would have to be made than any video has.
        """
        keys = sorted(self._read_keys(track, source), key=lambda key: key.frame)
        listed = any(child.attributes.get("keyframe") == "0" for child in track.children)
        fills = self._gaps == "fill" or (self._gaps == "auto" and not listed)
        seen: list[_Seen] = []
        for at, key in enumerate(keys):
            if key.drawing is None or key.is_outside:
                continue
            seen.append(_Seen(key.frame, key.drawing, key.line))
            later = keys[at + 1] if at + 1 < len(keys) else None
            if later is None:
                later = self._end(key, frames, fills=fills)
            if later is not None:
                seen += self._between(key, later, frames.step, source, fills=fills)
        return seen

    def describe(self) -> Iterator[str]:
        """Yield what was concluded of all tracks that were read, one sentence each."""
        if self.made:
            shapes = counted(self.made, "shape was", "shapes were")
            yield f"{shapes} interpolated between key frames"
        if self.gaps_left:
            yield (
                f"{counted(self.gaps_left, 'gap')} between the frames of tracks left, since the "
                "tracks list frames that are not key frames, or hold masks "
                "(--assume gaps=auto|fill|leave)"
            )
        if self.open_ends:
            yield (
                f"{counted(self.open_ends, 'track ends', 'tracks end')} at a key frame before the "
                "last frame, not held until there (--assume track-end=last-key-frame|stop-frame)"
            )

    def _read_keys(self, track: XmlElement, source: SourceFile) -> Iterator[_Key]:
        met: set[int] = set()
        for element in track.children:
            if element.tag not in AREAS and element.tag not in NO_AREAS:
                continue
            self._ledger.see(1)
            key = self._read_key(element, source)
            if key is None:
                continue
            if key.frame in met:
                if key.drawing is not None and not key.is_outside:
                    message = f"the track has frame {key.frame} more than once"
                    self._ledger.record(source, element.line, "dropped", "same-frame", message)
                continue
            met.add(key.frame)
            yield key

    def _read_key(self, element: XmlElement, source: SourceFile) -> _Key | None:
        """Return a shape with its frame; what cannot be shown is entered."""
        line, text = element.line, element.attributes.get("frame", "")
        if element.tag in NO_AREAS:
            message = NO_AREAS[element.tag]
            self._ledger.record(source, line, "excluded", "not-an-area", message)
            return None
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= MAX_FRAME):
            message = f"its `frame` is not a number of a frame: {text[:40]!r}"
            self._ledger.record(source, line, "dropped", "bad-annotation", message)
            return None
        outside = element.attributes.get("outside") == "1"
        try:
            drawing = read_drawing(element)
        except ValueError as error:
            drawing = None
            if not outside:
                self._ledger.record(source, line, "dropped", "bad-annotation", str(error))
        if outside or (drawing is not None and drawing.is_outside):
            outside = True
            message = f"the object is outside from frame {int(text)} on"
            self._ledger.record(source, line, "excluded", "outside", message)
        return _Key(int(text), drawing, line, outside)

    def _end(self, last: _Key, frames: TaskFrames, *, fills: bool) -> _Key | None:
        """Return where something that does not end is seen for the last time."""
        if frames.stop is None or last.frame + frames.step > frames.stop or not fills:
            return None
        if not self._holds_to_stop:
            self.open_ends += 1
            return None
        return _Key(min(frames.stop, MAX_FRAME) + 1, last.drawing, last.line)

    def _between(
        self, key: _Key, later: _Key, step: int, source: SourceFile, *, fills: bool
    ) -> Iterator[_Seen]:
        assert key.drawing is not None
        between = range(key.frame + step, later.frame, step)
        if not between:
            return
        faulty = later.drawing is None and not later.is_outside
        if not fills or faulty or key.drawing.kind == "mask":
            self.gaps_left += 1  # CVAT shows a mask in one frame alone
            return
        target = later.drawing or key.drawing
        if interpolate(key.drawing, target, 0.0) is None:
            target = key.drawing
            message = f"it does not fit that of frame {later.frame} and is held until there"
            self._ledger.note(source, key.line, "held", message)
        self.made += len(between)
        if self.made > MAX_MADE:
            raise DataError(
                f"more than {MAX_MADE} shapes would have to be made between key frames",
                path=source.path,
                line=key.line,
            )
        self._ledger.see(len(between))
        for frame in between:
            share = (frame - key.frame) / (later.frame - key.frame)
            drawing = interpolate(key.drawing, target, share)
            assert drawing is not None, "it was tried before"
            yield _Seen(frame, drawing, key.line)
