"""``predictions.jsonl``: one JSON record for every image or frame, failures included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.runtime.record import encode_record, make_record

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO, Self

    from yolokit.core.types import Detections, Frame, FrameError
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
    """Writes records to a stream; see ``yolokit.runtime.record`` for their fields.

    Args:
        stream: Where to write; it is closed at the end, unless ``is_shared``.
        head: What the model's manifest says of its task and classes.
        is_shared: The stream is someone else's: every record is flushed to it at once, so that
            a reader at its other end need not wait, and it stays open.
    """

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

    def write(
        self, frame: Frame | FrameError, detections: Detections, picture: Picture | None = None
    ) -> None:
        """Append one record."""
        self._stream.write(encode_record(make_record(frame, detections, self._head, picture)))
        if self._is_shared:
            self._stream.flush()
