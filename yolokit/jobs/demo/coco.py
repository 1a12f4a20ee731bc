"""The demo's labels as COCO JSON, byte for byte the same on every machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from yolokit.jobs.demo.plan import PICTURE_WH_PX, VIDEO_FPS
from yolokit.jobs.demo.scene import MIN_SIDE_PX, MIN_VISIBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.jobs.demo.plan import DemoPlan
    from yolokit.jobs.demo.scene import Label

LICENCE = "CC0-1.0"
_LICENCE_URL = "https://creativecommons.org/publicdomain/zero/1.0/"


class CocoFile:
    """Collects the records of one COCO file."""

    def __init__(self, plan: DemoPlan) -> None:
        self._plan = plan
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    @property
    def image_count(self) -> int:
        """Pictures so far."""
        return len(self._images)

    @property
    def label_count(self) -> int:
        """Labelled parts so far."""
        return len(self._annotations)

    @property
    def background_count(self) -> int:
        """Pictures so far that have no label."""
        return len(self._images) - len({record["image_id"] for record in self._annotations})

    def add(self, number: int, file_name: str, labels: Sequence[Label]) -> None:
        """Add a picture and its labels.

        Args:
            number: Its id.
            file_name: Its file, relative to the folder ``images``.
            labels: Its parts.
        """
        wide, high = PICTURE_WH_PX
        self._images.append(
            {"id": number, "file_name": file_name, "width": wide, "height": high, "license": 1}
        )
        for label in labels:
            x1, y1, x2, y2 = label.xyxy_px
            side_wh = (round(x2 - x1, 2), round(y2 - y1, 2))
            record: dict[str, Any] = {
                "id": len(self._annotations) + 1,
                "image_id": number,
                "category_id": label.category + 1,
                "bbox": [x1, y1, *side_wh],
                "area": round(side_wh[0] * side_wh[1], 2),
                "iscrowd": 0,
            }
            self._annotations.append(record)

    def encode(self) -> bytes:
        """Return the file's content."""
        content: dict[str, Any] = {
            "info": {
                "description": f"yolokit demo, class set {self._plan.classes}: parts on a conveyor "
                "belt, drawn by a program",
                "version": "1",
                "seed": self._plan.seed,
                "command": command_of(self._plan),
                "license": LICENCE,
                "labelled_where": f"at least {MIN_VISIBLE:g} of a part's surface is in the picture "
                f"and uncovered and its box there is at least {MIN_SIDE_PX:g} px wide and high; a "
                "box spans the whole part, clipped at the picture's edge",
            },
            "licenses": [{"id": 1, "name": LICENCE, "url": _LICENCE_URL}],
            "categories": [
                {"id": index + 1, "name": kind.name, "supercategory": "part"}
                for index, kind in enumerate(self._plan.kinds)
            ],
            "images": self._images,
            "annotations": self._annotations,
        }
        return (json.dumps(content, separators=(",", ":")) + "\n").encode()


def command_of(plan: DemoPlan) -> str:
    """Return the command that draws this demo again."""
    return (
        f"yolokit data demo --out DIR --classes {plan.classes} --seed {plan.seed} "
        f"--images {plan.images} --video-seconds {plan.frames / VIDEO_FPS:g}"
    )
