r"""``predictions.jsonl``: one JSON object a line for every image or frame, failures included.

===============  ==============================================================================
``source``       path of the image or the video
``index``        position in its source (image of a folder, frame of a video), from 0
``pts_s``        time of the frame in s; videos only
``width_px``     size of the image; null where it could not be read
``height_px``
``detections``   by descending score: ``xyxy`` in px of the image, origin at its top-left corner,
                 rounded to 0.001 px; ``score`` in [0, 1]; ``class_id`` from 0; ``name``; what
                 else a task finds stands in its file, ``runtime/tasks/<task>.py``
``error``        null, or why the image or the frame could not be read
``picture``      the file that shows it, below the folder of the results; only if there is one
``notes``        what must be known of it, such as why its picture could not be written or that
                 only the first page of its file was read; only if there is anything
===============  ==============================================================================

Every input has a record, in order, so that the lines of a folder or a video can be counted on.
Where a name is not UTF-8, its odd bytes are spelled, as in ``caf\\xe9.jpg``, and a note says so.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from yolokit.core.types import Frame, FrameError
from yolokit.files.spell import spell
from yolokit.runtime.tasks.toolkit import load_task

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO, Self

    from yolokit.core.types import Detections
    from yolokit.runtime.manifest import ModelHead
    from yolokit.runtime.sink import Picture
    from yolokit.runtime.source import FrameSource

FILE_NAME = "predictions.jsonl"


def takes(_source: FrameSource) -> bool:
    """Every source gives records."""
    return True


def open(folder: Path, head: ModelHead) -> JsonLines:  # noqa: A001 - as in every sink
    """Return a sink that writes ``folder/predictions.jsonl``."""
    return JsonLines((folder / FILE_NAME).open("wb"), head)


class JsonLines:
    """Writes records to a stream; nothing is drawn.

    Args:
        stream: Where to write; it is closed at the end, unless ``is_shared``.
        head: What the model's manifest says of its task and classes.
        is_shared: The stream is someone else's: every record is flushed to it at once, so that
            a reader at its other end need not wait, and it stays open.
    """

    draws = False

    def __init__(self, stream: BinaryIO, head: ModelHead, *, is_shared: bool = False) -> None:
        self._stream = stream
        self._head = head
        self._is_shared = is_shared

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        if not self._is_shared:
            self._stream.close()

    def begin(self, source: FrameSource) -> None:
        """Records name their source themselves."""

    def draw(self, frame: Frame, detections: Detections) -> None:
        """Records need no time."""

    def write(
        self,
        frame: Frame | FrameError,
        detections: Detections,
        picture: Picture | None = None,
        _drawn: None = None,
    ) -> None:
        """Append one record."""
        line = encode_record(make_record(frame, detections, self._head, picture))
        if self._is_shared:
            _write_whole(self._stream, line)
        else:
            self._stream.write(line)


def _write_whole(stream: BinaryIO, content: bytes) -> None:
    """Write all of it; an unbuffered stream takes less where a signal comes meanwhile."""
    left = memoryview(content)
    while left:
        written = stream.write(left)
        if written is None:  # a stream that must not wait
            raise BlockingIOError(errno.EAGAIN, "it takes no more for now")
        left = left[written:]
    stream.flush()


def make_record(
    frame: Frame | FrameError,
    detections: Detections,
    head: ModelHead,
    picture: Picture | None = None,
) -> dict[str, Any]:
    """Return the record of one prediction, as the table above describes it."""
    source = spell(frame.source)
    record: dict[str, Any] = {"source": source, "index": frame.index}
    notes = [] if source == frame.source else ["the file's name is not UTF-8"]
    if isinstance(frame, FrameError):
        record |= {"width_px": None, "height_px": None, "detections": []}
        record["error"] = spell(frame.message)
    else:
        if frame.pts_s is not None:
            record["pts_s"] = frame.pts_s
        record["width_px"], record["height_px"] = frame.image_wh
        record["detections"] = load_task(head.task).describe(detections, head.names)
        record["error"] = None
        notes += [frame.note] if frame.note else []
    if picture is not None and picture.name is not None:
        record["picture"] = picture.name
    if picture is not None and picture.problem is not None:
        notes.append(spell(picture.problem))
    return record | {"notes": notes} if notes else record


def encode_record(record: dict[str, Any]) -> bytes:
    """Return a record as one line of UTF-8 JSON, with its newline."""
    import msgspec

    return msgspec.json.encode(record) + b"\n"
