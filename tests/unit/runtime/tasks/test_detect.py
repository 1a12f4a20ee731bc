"""Detection: of the candidates the best in the image, whatever the layout; ports; the record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from yolokit.core.types import Detections, Letterbox
from yolokit.runtime.manifest import ModelHead
from yolokit.runtime.tasks import detect
from yolokit.runtime.tasks.toolkit import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F32

SAME = Letterbox.fit((64, 64), (64, 64))


def raw(boxes: Sequence[Sequence[float]], scores: Sequence[Sequence[float]]) -> F32:
    xyxy = np.array(boxes, np.float32)
    columns = [(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]]
    return np.concatenate([*columns, np.array(scores, np.float32)], axis=1).T.copy()


def decode(
    output: F32, letterbox: Letterbox = SAME, *, layout: str = "raw", **changed: object
) -> Detections:
    class_count = len(output) - 4 if layout == "raw" else 3
    names = tuple(str(class_id) for class_id in range(class_count))
    head = ModelHead(output_name="boxes", layout=layout, names=names)
    options: dict[str, object] = {"min_score": 0.25, "max_iou": 0.7, "max_det": 300}
    return detect.decode({"boxes": output}, letterbox, head, Limits(**(options | changed)))  # type: ignore[arg-type]


def decode_rows(rows: Sequence[Sequence[float]], max_det: int = 300) -> Detections:
    return decode(np.array(rows, np.float32), layout="end2end", max_det=max_det)


def test_the_best_come_first() -> None:
    found = decode(raw([[0, 0, 8, 8], [20, 20, 40, 60]], [[0.3, 0.1], [0.5, 0.7]]))
    assert found.xyxy.tolist() == [[20, 20, 40, 60], [0, 0, 8, 8]]
    np.testing.assert_allclose(found.scores, [0.7, 0.3])
    assert found.class_ids.tolist() == [1, 0]


def test_several_classes_of_an_anchor_on_request() -> None:
    output = raw([[0, 0, 8, 8]], [[0.6, 0.1, 0.4]])
    assert decode(output, multi_label=True).class_ids.tolist() == [0, 2]
    assert decode(output).class_ids.tolist() == [0]


def test_overlaps_are_suppressed_within_a_class() -> None:
    boxes = [[0, 0, 20, 20], [1, 1, 21, 21], [0, 0, 20, 20]]
    found = decode(raw(boxes, [[0.9, 0], [0.8, 0], [0, 0.7]]))
    assert found.class_ids.tolist() == [0, 1]


def test_overlaps_were_for_an_end_to_end_head_to_suppress() -> None:
    assert len(decode_rows([[0, 0, 8, 8, 0.5, 1]] * 4)) == 4
    assert len(decode_rows([[0, 0, 8, 8, 0.5, 1]] * 4, max_det=3)) == 3


def test_boxes_lie_in_the_image() -> None:
    letterbox = Letterbox.fit((128, 64), (64, 64))  # half the size, 16 px above and below
    found = decode(raw([[10, 20, 30, 60]], [[0.9]]), letterbox)
    assert found.xyxy.tolist() == [[20, 8, 60, 64]]
    unclipped = decode(raw([[10, 20, 30, 60]], [[0.9]]), letterbox, clip=False)
    assert unclipped.xyxy.tolist() == [[20, 8, 60, 88]]


def test_only_the_best_are_kept() -> None:
    boxes = [[float(i), 0.0, i + 0.5, 1.0] for i in range(20)]
    found = decode(raw(boxes, [[0.3 + i / 100] for i in range(20)]), max_det=3)
    np.testing.assert_allclose(found.scores, [0.49, 0.48, 0.47], rtol=1e-6)


def test_nothing_found() -> None:
    assert len(decode(raw([[0, 0, 8, 8]], [[0.1]]))) == 0
    assert len(decode(np.zeros((6, 0), np.float32))) == 0


def test_half_precision_may_exceed_one_by_a_hair() -> None:
    assert decode(raw([[0, 0, 8, 8]], [[1.0004]])).scores.tolist() == [1.0]


def test_a_record_is_rounded() -> None:
    found = Detections(
        np.array([[1.00049, 2, 3, 4]], np.float32),
        np.array([0.12345678], np.float32),
        np.array([1], np.int64),
    )
    assert detect.describe(found, ["nut", "bolt"]) == [
        {"xyxy": [1.0, 2.0, 3.0, 4.0], "score": 0.123457, "class_id": 1, "name": "bolt"}
    ]
