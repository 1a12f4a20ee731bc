"""The record of one prediction: one JSON object a line, in ``predictions.jsonl`` and on stdout.

===============  ==============================================================================
``source``       path of the image or the video
``index``        position in its source (image of a folder, frame of a video), from 0
``pts_s``        time of the frame in s; videos only
``width_px``     size of the image; null where it could not be read
``height_px``
``detections``   by descending score: ``xyxy`` in px of the image, origin at its top-left corner,
                 rounded to 0.001 px; ``score`` in [0, 1]; ``class_id`` from 0; ``name``
``error``        null, or why the image or the frame could not be read
===============  ==============================================================================

Every input has a record, in order, so that the lines of a folder or a video can be counted on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.types import Frame, FrameError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import Detections


def make_record(
    frame: Frame | FrameError, detections: Detections, classes: Sequence[str]
) -> dict[str, Any]:
    """Return the record of one prediction, as the table above describes it."""
    record: dict[str, Any] = {"source": frame.source, "index": frame.index}
    if isinstance(frame, FrameError):
        return record | {
            "width_px": None,
            "height_px": None,
            "detections": [],
            "error": frame.message,
        }
    if frame.pts_s is not None:
        record["pts_s"] = frame.pts_s
    record["width_px"], record["height_px"] = frame.image_wh
    record["detections"] = [
        {
            "xyxy": [round(float(side), 3) for side in xyxy],
            "score": round(score, 6),
            "class_id": class_id,
            "name": classes[class_id],
        }
        for xyxy, score, class_id in detections
    ]
    record["error"] = None
    return record


def encode_record(record: dict[str, Any]) -> bytes:
    """Return a record as one line of UTF-8 JSON, with its newline."""
    import msgspec

    return msgspec.json.encode(record) + b"\n"
