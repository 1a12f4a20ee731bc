"""Truth and detections of one image, in a line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.types import Detections
from yolokit.evaluate.analysis import overlap_boxes
from yolokit.evaluate.judge import JudgedImage, judge_image
from yolokit.labels.model import Annotations

if TYPE_CHECKING:
    from collections.abc import Sequence

Box = tuple[float, float, float, float]


def truth(*boxes: tuple[int, Box]) -> Annotations:
    """Each a class id and x1, y1, x2, y2 in px."""
    return Annotations(
        np.array([class_id for class_id, _ in boxes], np.int64),
        np.array([box for _, box in boxes], np.float64).reshape(-1, 4),
        np.zeros(len(boxes), np.int64),
    )


def found(*boxes: tuple[int, float, Box]) -> Detections:
    """Each a class id, a score and x1, y1, x2, y2 in px; best score first."""
    return Detections(
        np.array([box for *_, box in boxes], np.float32).reshape(-1, 4),
        np.array([score for _, score, _ in boxes], np.float32),
        np.array([class_id for class_id, *_ in boxes], np.int64),
    )


def judge(annotations: Annotations, detections: Detections, name: str = "a.png") -> JudgedImage:
    return judge_image(name, annotations, detections, overlap_boxes(annotations, detections))


def random_images(
    seed: int, *, images: int, class_count: int, most: int = 8
) -> Sequence[tuple[str, Annotations, Detections]]:
    """Images with true boxes, and with detections that are right, shifted, mixed up or invented."""
    rng = np.random.default_rng(seed)
    made = []
    for at in range(images):
        count, extra = rng.integers(0, most + 1, 2)
        corners = rng.integers(0, 160, (count, 2)).astype(np.float64)
        boxes = np.concatenate([corners, corners + rng.integers(8, 130, (count, 2))], axis=1)
        class_ids = rng.integers(0, class_count, count)
        chosen = rng.integers(0, count, extra + count) if count else np.zeros(0, np.int64)
        shifted = boxes[chosen] + rng.normal(0, 9, (len(chosen), 4)).round()
        given = np.where(
            rng.random(len(chosen)) < 0.7,
            class_ids[chosen],
            rng.integers(0, class_count, len(chosen)),
        )
        invented = rng.integers(0, 100, (extra, 2)).astype(np.float64)
        all_boxes = np.concatenate([shifted, np.concatenate([invented, invented + 40], axis=1)])
        all_ids = np.concatenate([given, rng.integers(0, class_count, extra)]).astype(np.int64)
        scores = np.sort(rng.integers(1, 100, len(all_ids)) / 100)[::-1].astype(np.float32)
        order = rng.permutation(len(all_ids))
        detections = Detections(all_boxes[order].astype(np.float32), scores, all_ids[order])
        made.append(
            (f"{at}.png", Annotations(class_ids, boxes, np.zeros(count, np.int64)), detections)
        )
    return made
