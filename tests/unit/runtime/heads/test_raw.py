"""The raw layout: which anchors are candidates, and outputs that are not what they seem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from yolokit.errors import ModelOutputError
from yolokit.runtime.heads import raw

if TYPE_CHECKING:
    from yolokit.core.types import F32
    from yolokit.runtime.heads.toolkit import Candidates


def anchors(*columns: list[float]) -> F32:
    """(rows, A) from one list of cx, cy, w, h and what follows for each anchor."""
    return np.array(columns, np.float32).T.copy()


def decode(output: F32, class_count: int = 1, **changed: object) -> Candidates:
    options: dict[str, object] = {"class_count": class_count, "min_score": 0.25}
    return raw.decode(output, **(options | changed))  # type: ignore[arg-type]


def test_the_best_class_of_each_anchor() -> None:
    found = decode(anchors([4, 4, 8, 8, 0.3, 0.1], [30, 40, 20, 40, 0.5, 0.7]), 2)
    assert found.xyxy.tolist() == [[0, 0, 8, 8], [20, 20, 40, 60]]
    np.testing.assert_allclose(found.scores, [0.3, 0.7])
    assert found.class_ids.tolist() == [0, 1]
    assert found.extras.shape == (2, 0)


def test_the_threshold_itself_is_reported() -> None:
    output = anchors([4, 4, 8, 8, 0.5], [30, 40, 20, 40, 0.4999])
    assert decode(output, min_score=0.5).scores.tolist() == [0.5]


def test_several_classes_of_an_anchor_on_request() -> None:
    output = anchors([4, 4, 8, 8, 0.6, 0.1, 0.4])
    found = decode(output, 3, multi_label=True)
    assert found.class_ids.tolist() == [0, 2]
    np.testing.assert_allclose(found.scores, [0.6, 0.4])
    assert decode(output, 3).class_ids.tolist() == [0]


def test_further_values_stay_with_their_anchor() -> None:
    output = anchors([4, 4, 8, 8, 0.1, 5, 6], [9, 9, 2, 2, 0.9, 7, -8], [9, 9, 2, 2, 0.8, 3, 4])
    assert decode(output, extra_count=2).extras.tolist() == [[7, -8], [3, 4]]
    assert raw.count_values(1, 2) == 7


def test_only_the_best_candidates_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "MAX_CANDIDATES", 3)
    scores = (0.5, 0.9, 0.5, 0.3, 0.5, 0.4)
    found = decode(anchors(*([at + 0.5, 1, 1, 2, score] for at, score in enumerate(scores))))
    # Two of the three that tie fit in: the first two of them.
    assert found.xyxy[:, 0].tolist() == [0, 1, 2]


def test_nothing_found() -> None:
    assert len(decode(anchors([4, 4, 8, 8, 0.1])).scores) == 0
    assert len(decode(np.zeros((5, 0), np.float32)).scores) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 3, 4])
def test_values_that_are_not_finite_are_an_error(value: float, row: int) -> None:
    output = anchors([4, 4, 8, 8, 0.1], [3, 3, 4, 4, 0.1])
    output[row, 1] = value
    with pytest.raises(ModelOutputError, match="1 of the 10 values"):
        decode(output)


def test_infinities_of_both_signs_do_not_cancel() -> None:
    output = anchors([4, 4, 8, 8, 0.1], [3, 3, 4, 4, 0.1])
    output[0] = np.inf, -np.inf
    with pytest.raises(ModelOutputError, match="2 of the 10 values"):
        decode(output)


def test_logits_are_not_taken_for_scores() -> None:
    with pytest.raises(ModelOutputError, match=r"score of 3\.5"):
        decode(anchors([4, 4, 8, 8, 3.5]))


def test_boxes_in_fractions_are_not_taken_for_pixels() -> None:
    def fractions(count: int, score: float) -> F32:
        return anchors(*([x, x, 0.1, 0.1, score] for x in np.linspace(0.1, 0.8, count).tolist()))

    with pytest.raises(ModelOutputError, match=r"30 boxes .* are fractions of the image"):
        decode(fractions(30, 0.9))
    assert len(decode(fractions(30, 0.1)).scores) == 0
    assert len(decode(fractions(3, 0.9)).scores) == 3  # small, but few


@pytest.mark.parametrize("shape", [(4, 9), (6,), (1, 6, 9)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelOutputError, match=r"\(4 \+ C, A\)"):
        decode(np.zeros(shape, np.float32))


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(ModelOutputError, match="2 classes need 6 rows of output, not 7"):
        decode(np.zeros((7, 9), np.float32), 2)
