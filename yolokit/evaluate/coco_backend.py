"""The one place that calls faster-coco-eval: COCO's matching and accumulation for one class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.boxes import box_areas, xyxy_to_xywh

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F64, I64
    from yolokit.evaluate.store import ClassFound, ClassTruth

_CATEGORY_ID = 1


@dataclass(frozen=True, slots=True, eq=False)
class ClassCurves:
    """What COCO accumulates for one class; -1 where an area range has no true box.

    T IoU thresholds 0.50, 0.55 ... 0.95; R recall levels 0, 0.01 ... 1; 4 area ranges: all,
    small, medium, large; M limits of detections in an image, as they were asked for.

    Attributes:
        precision: (T, R, 4, M) float64, interpolated.
        recall: (T, 4, M) float64, the largest that is reached.
    """

    precision: F64
    recall: F64


def accumulate_class(
    truth: ClassTruth, found: ClassFound, *, max_detections: Sequence[int]
) -> ClassCurves:
    """Match one class's detections with its true boxes by COCO's rules.

    One class at a time: classes do not affect each other in COCO, and the records that the
    library wants take twenty times the memory of the arrays.

    Args:
        truth: The true boxes; none of them a crowd region.
        found: The detections.
        max_detections: M ascending limits of detections in an image.

    Source: pycocotools ``cocoeval.py``, which the library reimplements.
    """
    from faster_coco_eval import COCO, COCOeval_faster

    image_ids = np.union1d(truth.image_ids, found.image_ids).tolist()
    records = _records(found.image_ids, found.xyxy.astype(np.float64))
    for record, score in zip(records, found.scores.tolist(), strict=True):
        record["score"] = score
    evaluation = COCOeval_faster(
        COCO(_dataset(image_ids, _records(truth.image_ids, truth.xyxy))),
        COCO(_dataset(image_ids, records)),
        "bbox",
    )
    evaluation.params.maxDets = list(max_detections)
    evaluation.evaluate()
    evaluation.accumulate()
    curves = evaluation.eval
    return ClassCurves(precision=curves["precision"][:, :, 0], recall=curves["recall"][:, 0])


def _dataset(image_ids: list[int], records: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "images": [{"id": image_id} for image_id in image_ids],
        "annotations": records,
        "categories": [{"id": _CATEGORY_ID, "name": ""}],
    }


def _records(image_ids: I64, xyxy: F64) -> list[dict[str, Any]]:
    columns = (image_ids.tolist(), xyxy_to_xywh(xyxy).tolist(), box_areas(xyxy).tolist())
    # Ids count from 1: the reference marks an unmatched box with the id 0.
    return [
        {
            "id": record_id,
            "image_id": image_id,
            "category_id": _CATEGORY_ID,
            "bbox": bbox,
            "area": area,
            "iscrowd": 0,
        }
        for record_id, (image_id, bbox, area) in enumerate(zip(*columns, strict=True), 1)
    ]
