"""Decoding: both layouts, thresholds, order, limits, and outputs that are not what they seem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from yolokit.core.types import Detections, Letterbox
from yolokit.errors import ModelOutputError
from yolokit.runtime.heads import raw as raw_head
from yolokit.runtime.heads.raw import decode_end2end, decode_raw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import F32

SAME = Letterbox.fit((64, 64), (64, 64))


def raw(boxes: Sequence[Sequence[float]], scores: Sequence[Sequence[float]]) -> F32:
    xyxy = np.array(boxes, np.float32)
    columns = [(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]]
    return np.concatenate([*columns, np.array(scores, np.float32)], axis=1).T.copy()


def decode(output: F32, letterbox: Letterbox = SAME, **changed: object) -> Detections:
    options: dict[str, object] = {"min_score": 0.25, "max_iou": 0.7, "max_count": 300}
    return decode_raw(output, letterbox, **(options | changed))  # type: ignore[arg-type]


def decode_rows(rows: Sequence[Sequence[float]], **changed: object) -> Detections:
    options: dict[str, object] = {"class_count": 3, "min_score": 0.25, "max_count": 300}
    output = np.array(rows, np.float32).reshape(-1, 6)
    return decode_end2end(output, SAME, **(options | changed))  # type: ignore[arg-type]


class TestRaw:
    def test_best_class_of_each_anchor_by_descending_score(self) -> None:
        found = decode(raw([[0, 0, 8, 8], [20, 20, 40, 60]], [[0.3, 0.1], [0.5, 0.7]]))
        assert found.xyxy.tolist() == [[20, 20, 40, 60], [0, 0, 8, 8]]
        np.testing.assert_allclose(found.scores, [0.7, 0.3])
        assert found.class_ids.tolist() == [1, 0]

    def test_the_threshold_itself_is_reported(self) -> None:
        output = raw([[0, 0, 8, 8], [20, 20, 40, 60]], [[0.5], [0.4999]])
        assert decode(output, min_score=0.5).scores.tolist() == [0.5]

    def test_several_classes_of_an_anchor_on_request(self) -> None:
        output = raw([[0, 0, 8, 8]], [[0.6, 0.1, 0.4]])
        found = decode(output, multi_label=True)
        assert list(zip(found.class_ids.tolist(), found.scores.round(1).tolist(), strict=True)) == [
            (0, pytest.approx(0.6)),
            (2, pytest.approx(0.4)),
        ]
        assert decode(output).class_ids.tolist() == [0]

    def test_overlaps_are_suppressed_within_a_class(self) -> None:
        boxes = [[0, 0, 20, 20], [1, 1, 21, 21], [0, 0, 20, 20]]
        found = decode(raw(boxes, [[0.9, 0], [0.8, 0], [0, 0.7]]))
        assert found.class_ids.tolist() == [0, 1]

    def test_boxes_lie_in_the_image(self) -> None:
        letterbox = Letterbox.fit((128, 64), (64, 64))  # half the size, 16 px above and below
        found = decode(raw([[10, 20, 30, 60]], [[0.9]]), letterbox)
        assert found.xyxy.tolist() == [[20, 8, 60, 64]]
        unclipped = decode(raw([[10, 20, 30, 60]], [[0.9]]), letterbox, clip=False)
        assert unclipped.xyxy.tolist() == [[20, 8, 60, 88]]

    def test_only_the_best_are_kept(self) -> None:
        boxes = [[float(i), 0.0, i + 0.5, 1.0] for i in range(20)]
        found = decode(raw(boxes, [[0.3 + i / 100] for i in range(20)]), max_count=3)
        np.testing.assert_allclose(found.scores, [0.49, 0.48, 0.47], rtol=1e-6)

    def test_only_the_best_candidates_enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postprocess, "MAX_CANDIDATES", 3)
        boxes = [[float(i), 0.0, i + 0.5, 1.0] for i in range(6)]
        # Two of the three that tie fit in: the first two of them.
        found = decode(raw(boxes, [[0.5], [0.9], [0.5], [0.3], [0.5], [0.4]]))
        assert found.xyxy[:, 0].tolist() == [1, 0, 2]

    def test_nothing_found(self) -> None:
        assert len(decode(raw([[0, 0, 8, 8]], [[0.1]]))) == 0
        assert len(decode(np.zeros((6, 0), np.float32))) == 0

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("row", [0, 3, 4])
    def test_values_that_are_not_finite_are_an_error(self, value: float, row: int) -> None:
        output = raw([[0, 0, 8, 8], [1, 1, 5, 5]], [[0.1], [0.1]])
        output[row, 1] = value
        with pytest.raises(ModelOutputError, match="1 of the 10 values"):
            decode(output)

    def test_infinities_of_both_signs_do_not_cancel(self) -> None:
        output = raw([[0, 0, 8, 8], [1, 1, 5, 5]], [[0.1], [0.1]])
        output[0] = np.inf, -np.inf
        with pytest.raises(ModelOutputError, match="2 of the 10 values"):
            decode(output)

    def test_logits_are_not_taken_for_scores(self) -> None:
        with pytest.raises(ModelOutputError, match=r"score of 3\.5"):
            decode(raw([[0, 0, 8, 8]], [[3.5]]))

    def test_boxes_in_fractions_are_not_taken_for_pixels(self) -> None:
        places = np.linspace(0.1, 0.8, 30)
        boxes = [[place, place, place + 0.1, place + 0.1] for place in places]
        with pytest.raises(ModelOutputError, match=r"30 boxes .* are fractions of the image"):
            decode(raw(boxes, [[0.9]] * 30))
        assert len(decode(raw(boxes, [[0.1]] * 30))) == 0
        assert len(decode(raw(boxes[:3], [[0.9]] * 3), max_iou=1.0)) == 3  # small, but few

    def test_half_precision_may_exceed_one_by_a_hair(self) -> None:
        assert decode(raw([[0, 0, 8, 8]], [[1.0004]])).scores.tolist() == [1.0]

    @pytest.mark.parametrize("shape", [(4, 9), (6,), (1, 6, 9)])
    def test_other_shapes_are_refused(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(ModelOutputError, match=r"\(4 \+ C, A\)"):
            decode(np.zeros(shape, np.float32))


class TestEnd2End:
    def test_rows_are_filtered_and_sorted(self) -> None:
        found = decode_rows(
            [[0, 0, 8, 8, 0.3, 1], [1, 1, 9, 9, 0.9, 2], [2, 2, 3, 3, 0.1, 0], [0] * 6]
        )
        assert found.xyxy.tolist() == [[1, 1, 9, 9], [0, 0, 8, 8]]
        assert found.class_ids.tolist() == [2, 1]

    def test_padding_is_never_a_detection(self) -> None:
        assert len(decode_rows([[0, 0, 0, 0, 0, 0]] * 5, min_score=0.0)) == 0

    def test_boxes_in_fractions_are_not_taken_for_pixels(self) -> None:
        rows = [[0.5, 0.4, 0.2, 0.1, 0.9 - i / 400, 1] for i in range(300)]
        with pytest.raises(ModelOutputError, match=r"300 boxes .* are fractions of the image"):
            decode_rows(rows)
        assert len(decode_rows([[0.5, 0.4, 1.5, 1.5, 0.9, 1], *[[0] * 6] * 299])) == 1

    def test_overlaps_were_the_models_to_suppress(self) -> None:
        assert len(decode_rows([[0, 0, 8, 8, 0.5, 1]] * 4)) == 4
        assert len(decode_rows([[0, 0, 8, 8, 0.5, 1]] * 4, max_count=3)) == 3

    @pytest.mark.parametrize("class_id", [3, -1, 0.5])
    def test_an_unknown_class_is_an_error(self, class_id: float) -> None:
        with pytest.raises(ModelOutputError, match=f"class {class_id:g} of 3"):
            decode_rows([[0, 0, 8, 8, 0.5, class_id]])

    def test_values_that_are_not_finite_are_an_error(self) -> None:
        with pytest.raises(ModelOutputError, match="1 of the 6 values"):
            decode_rows([[0, 0, np.nan, 8, 0.5, 1]])

    def test_other_shapes_are_refused(self) -> None:
        with pytest.raises(ModelOutputError, match=r"\(K, 6\)"):
            decode_end2end(
                np.zeros((5, 7), np.float32), SAME, class_count=1, min_score=0.1, max_count=9
            )
