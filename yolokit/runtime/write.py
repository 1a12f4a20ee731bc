"""What a prediction writes: frames to their sinks, and a mark on results that are partial.

A run that is stopped early publishes what is done by then, and ``partial.json`` with it:

===================  ==========================================================================
``frames``           images and frames that are done, failed ones included
``frames_expected``  how many there would have been; null where that was not known
``last_source``      the image or the video of the last one, as its record names it
``last_index``       its position there; the results of a video end with this frame
===================  ==========================================================================
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from yolokit.core.types import FrameError
from yolokit.errors import DataError
from yolokit.files.outputs import Held, Result, read_object
from yolokit.files.spell import encode_json
from yolokit.images.files import WRITE_SUFFIXES
from yolokit.runtime.draw_ahead import Drawn, draw_ahead
from yolokit.runtime.run_ahead import closing_iterator
from yolokit.runtime.sink import Picture
from yolokit.runtime.sinks.jsonl import FILE_NAME as RECORDS
from yolokit.runtime.stage_times import StageTimes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from yolokit.runtime.predictor import Prediction
    from yolokit.runtime.sink import Sink
    from yolokit.runtime.source import FrameSource

PARTIAL = "partial.json"
_FAILURES_SHOWN = 5


@dataclass(slots=True)
class RunSummary:
    """The result of a whole run.

    Attributes:
        frames: Images and frames, failed ones included.
        frames_expected: How many there are in all; None where that is not known.
        failed: How many of them could not be read.
        first_failures: The first few of those.
        reasons: Why the others could not, and how many for each reason.
        unwritten: Why pictures could not be written, and how many for each reason.
        notes: What is to be known of images that were read, and of how many.
        detections: How many objects were found.
        last_source: Where the last image or frame came from.
        last_index: Its position there.
        is_partial: The run was stopped before its end.
        wall_s: From the first frame asked for to the last one written.
        times: Busy time of each stage.
    """

    frames: int = 0
    frames_expected: int | None = None
    failed: int = 0
    first_failures: list[FrameError] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    unwritten: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    detections: int = 0
    last_source: str | None = None
    last_index: int | None = None
    is_partial: bool = False
    wall_s: float = 0.0
    times: StageTimes = field(default_factory=StageTimes)

    def count(self, prediction: Prediction[FrameSource], picture: Picture | None) -> None:
        """Add one prediction, and whether its picture was written."""
        frame = prediction.frame
        self.frames += 1
        self.last_source, self.last_index = frame.source, frame.index
        self.detections += len(prediction.detections)
        if picture is not None and picture.problem is not None:
            self.unwritten[picture.problem] += 1
        if not isinstance(frame, FrameError):
            if frame.note is not None:
                self.notes[frame.note] += 1
            return
        self.failed += 1
        if len(self.first_failures) < _FAILURES_SHOWN:
            self.first_failures.append(frame)
        else:
            self.reasons[frame.message] += 1


def write_predictions(
    predictions: Iterable[Prediction[FrameSource]],
    sinks_for: Callable[[FrameSource], Sequence[Sink]],
    summary: RunSummary,
) -> Iterator[int]:
    """Hand every prediction to the open sinks of its source; yield the number of frames so far.

    All is counted in ``summary``, whose ``times`` may be that of the run.
    """
    start_s = time.perf_counter()
    source: FrameSource | None = None
    with closing_iterator(draw_ahead(predictions, sinks_for, summary.times)) as all_drawn:
        for drawn in all_drawn:
            prediction = drawn.prediction
            drawn.wait()  # the busy time of drawing is measured where it is done
            with summary.times.measure("write_s"):
                if prediction.origin is not source:
                    source = prediction.origin
                    for sink in drawn.sinks:
                        sink.begin(source)
                picture = _hand_over(drawn)
            summary.count(prediction, picture)
            summary.wall_s = time.perf_counter() - start_s
            yield summary.frames


def _hand_over(drawn: Drawn) -> Picture | None:
    """Give a prediction to its sinks; later ones learn whether its picture was written."""
    picture: Picture | None = None
    frame, detections = drawn.prediction.frame, drawn.prediction.detections
    for number, sink in enumerate(drawn.sinks):
        try:
            result = drawn.take(number)
            picture = sink.write(frame, detections, picture, result) or picture
        except DataError as error:
            picture = Picture(problem=f"no picture: {error.message}")
    return picture


def mark_partial(folder: Path, summary: RunSummary) -> None:
    """Write ``partial.json`` into a folder of results."""
    mark = {
        "frames": summary.frames,
        "frames_expected": summary.frames_expected,
        "last_source": summary.last_source,
        "last_index": summary.last_index,
    }
    content = msgspec.json.format(encode_json(mark), indent=2) + b"\n"
    (folder / PARTIAL).write_bytes(content)


class _Record(msgspec.Struct):
    """What is looked at of one record, to recognise an earlier result."""

    source: str
    index: int
    detections: msgspec.Raw
    error: str | None
    pts_s: float | None = None
    picture: str | None = None


def _recognise(folder: Path) -> list[Held] | None:
    """Return what the records in a folder say that was written there, or None without them."""
    path = folder / RECORDS
    if not path.is_file():
        return None
    decoder = msgspec.json.Decoder(_Record)
    try:
        with path.open("rb") as stream:
            records = [decoder.decode(line) for line in stream]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if not records:
        return None
    named = frozenset(one.picture.lower() for one in records if one.picture is not None)
    pictures = [Held(names=named)] if named else _held_unnamed(records)
    is_marked = {"frames", "frames_expected"} <= read_object(folder / PARTIAL).keys()
    return [Held((RECORDS,), 1), *pictures, *([Held((PARTIAL,), 1)] if is_marked else [])]


def _held_unnamed(records: list[_Record]) -> list[Held]:
    """Return how many pictures there can be where records of a former version name none."""
    shown = [one for one in records if one.error is None]
    videos = {one.source for one in shown if one.pts_s is not None}
    images = tuple(f"images/*{suffix}" for suffix in WRITE_SUFFIXES)
    return [Held(images, len(shown)), Held(("*.mp4",), len(videos))]


PREDICTED = Result(command="yolokit predict", recognise=_recognise, options="--name or --out")
