"""Ground truth of the video: one line of JSON a frame, like the records of ``predict``.

It is not COCO, so that converting the demo's folder takes the images alone: frames of a video
are no image files.

============  =================================================================================
``source``    name of the video, in the same folder
``index``     frame, from 0
``pts_s``     its time in s
``width_px``  size of the picture
``height_px``
``objects``   parts in view: ``xyxy`` in px, clipped at the picture's edge; ``class_id`` from 0;
              ``name``; ``track_id``, the same for a part in all frames
============  =================================================================================
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from yolokit.jobs.demo.plan import PICTURE_WH_PX, VIDEO_FPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.demo.scene import Label

VIDEO_NAME, GROUND_TRUTH_NAME = "belt.mp4", "belt.jsonl"


def encode_ground_truth(index: int, labels: Sequence[Label], names: Sequence[str]) -> bytes:
    """Return the line of one frame.

    Args:
        index: The frame, from 0.
        labels: What is in view.
        names: Class names in label order.
    """
    wide, high = PICTURE_WH_PX
    record = {
        "source": VIDEO_NAME,
        "index": index,
        "pts_s": round(index / VIDEO_FPS, 6),
        "width_px": wide,
        "height_px": high,
        "objects": [
            {
                "xyxy": label.xyxy_px,
                "class_id": label.category,
                "name": names[label.category],
                "track_id": label.thing + 1,
            }
            for label in labels
        ],
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"
