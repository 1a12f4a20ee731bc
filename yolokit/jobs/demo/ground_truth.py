"""Labels as files: COCO JSON for the pictures, a record a frame for the video.

The video's are like the records of ``predict``, one line of JSON a frame, and not COCO, so that
converting the demo's folder takes the images alone: the frames of a video are not image files. Both
are byte for byte the same on every machine.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from yolokit.jobs.demo.plan import PICTURE_WH_PX, VIDEO_FPS
from yolokit.jobs.demo.scene import MIN_SIDE_PX, MIN_VISIBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.demo.plan import DemoPlan
    from yolokit.jobs.demo.scene import Label

VIDEO_NAME, GROUND_TRUTH_NAME = "belt.mp4", "belt.jsonl"
LICENCE = "CC0-1.0"
_LICENCE_URL = "https://creativecommons.org/publicdomain/zero/1.0/"


def encode_coco(plan: DemoPlan, first_id: int, pictures: dict[str, list[Label]]) -> bytes:
    """Return the COCO file of a split.

    ``first_id`` is the first picture's, and the others follow; ``pictures`` has the labels by file
    name, relative to the folder ``images``.
    """
    wide, high = PICTURE_WH_PX
    numbered = list(enumerate(pictures.items(), first_id))
    found = [(image_id, label) for image_id, (_, labels) in numbered for label in labels]
    content: dict[str, Any] = {
        "info": _info(plan),
        "licenses": [{"id": 1, "name": LICENCE, "url": _LICENCE_URL}],
        "categories": [
            {"id": index + 1, "name": kind.name, "supercategory": "part"}
            for index, kind in enumerate(plan.kinds)
        ],
        "images": [
            {"id": image_id, "file_name": name, "width": wide, "height": high, "license": 1}
            for image_id, (name, _) in numbered
        ],
        "annotations": [
            _annotation(index + 1, image_id, label) for index, (image_id, label) in enumerate(found)
        ],
    }
    return _encode(content)


def encode_frame(plan: DemoPlan, index: int, labels: Sequence[Label]) -> bytes:
    """Return the line of one frame of the video, the frames counted from 0.

    It has ``source``, the video's name in the same folder; ``index`` from 0; ``pts_s``;
    ``width_px``, ``height_px``; and in ``objects`` the parts in view: ``xyxy`` in px, clipped at
    the picture's edge, ``class_id`` from 0, ``name``, and a ``track_id`` that a part keeps.
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
                "name": plan.kinds[label.category].name,
                "track_id": label.thing + 1,
            }
            for label in labels
        ],
    }
    return _encode(record)


def command_of(plan: DemoPlan) -> str:
    """Return the command that draws this demo again."""
    return (
        f"yolokit data demo --out DIR --classes {plan.classes} --seed {plan.seed} "
        f"--images {plan.images} --video-seconds {plan.frames / VIDEO_FPS:g}"
    )


def _info(plan: DemoPlan) -> dict[str, Any]:
    return {
        "description": f"yolokit demo, class set {plan.classes}: parts on a conveyor belt, "
        "drawn by a program",
        "version": "1",
        "seed": plan.seed,
        "command": command_of(plan),
        "license": LICENCE,
        "labelled_where": f"at least {MIN_VISIBLE:g} of a part's surface is in the picture and "
        f"uncovered and its box there is at least {MIN_SIDE_PX:g} px wide and high; a box spans "
        "the whole part, clipped at the picture's edge",
    }


def _annotation(number: int, image_id: int, label: Label) -> dict[str, Any]:
    x1, y1, x2, y2 = label.xyxy_px
    wide, high = round(x2 - x1, 2), round(y2 - y1, 2)
    return {
        "id": number,
        "image_id": image_id,
        "category_id": label.category + 1,
        "bbox": [x1, y1, wide, high],
        "area": round(wide * high, 2),
        "iscrowd": 0,
    }


def _encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
