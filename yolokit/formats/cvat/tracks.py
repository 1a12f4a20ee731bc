"""Tracks of CVAT for video: what is seen in the frames between key frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from yolokit.core.plural import counted
from yolokit.errors import DataError
from yolokit.formats.cvat.shapes import (
    AREAS,
    NO_AREAS,
    Drawing,
    interpolate,
    read_drawing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yolokit.formats.cvat.meta import TaskFrames
    from yolokit.formats.toolkit.xml_tree import XmlElement
    from yolokit.labels.ledger import Ledger
    from yolokit.labels.model import SourceFile

MAX_FRAME = 1 << 21
"""A frame beyond this one (19 hours of video) is taken for a mistake."""
MAX_MADE = 1 << 21


class Seen(NamedTuple):
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

    def read(self, track: XmlElement, source: SourceFile, frames: TaskFrames) -> list[Seen]:
        """Return what a track shows, by frame.

        Raises:
            DataError: More boxes would have to be made than any video has.
        """
        keys = sorted(self._read_keys(track, source), key=lambda key: key.frame)
        listed = any(child.attributes.get("keyframe") == "0" for child in track.children)
        fills = self._gaps == "fill" or (self._gaps == "auto" and not listed)
        seen: list[Seen] = []
        for at, key in enumerate(keys):
            if key.drawing is None or key.is_outside:
                continue
            seen.append(Seen(key.frame, key.drawing, key.line))
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
    ) -> Iterator[Seen]:
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
            yield Seen(frame, drawing, key.line)
