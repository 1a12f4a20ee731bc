"""The end-to-end layout: its own padding and order, and outputs that are not what they seem."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from yolokit.errors import ModelOutputError
from yolokit.runtime.heads import end2end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.runtime.heads.toolkit import Candidates


def decode(rows: Sequence[Sequence[float]], **changed: object) -> Candidates:
    options: dict[str, object] = {"class_count": 3, "min_score": 0.25}
    return end2end.decode(np.array(rows, np.float32), **(options | changed))  # type: ignore[arg-type]


def test_rows_are_filtered_and_sorted() -> None:
    found = decode([[0, 0, 8, 8, 0.3, 1], [1, 1, 9, 9, 0.9, 2], [2, 2, 3, 3, 0.1, 0], [0] * 6])
    assert found.xyxy.tolist() == [[1, 1, 9, 9], [0, 0, 8, 8]]
    assert found.class_ids.tolist() == [2, 1]
    assert found.extras.shape == (2, 0)


def test_padding_is_never_a_detection() -> None:
    assert len(decode([[0, 0, 0, 0, 0, 0]] * 5, min_score=0.0).scores) == 0


def test_further_values_stay_with_their_row() -> None:
    rows = [[0, 0, 8, 8, 0.3, 1, 7], [1, 1, 9, 9, 0.9, 2, -5]]
    assert decode(rows, extra_count=1).extras.tolist() == [[-5], [7]]


def test_boxes_in_fractions_are_not_taken_for_pixels() -> None:
    rows = [[0.5, 0.4, 0.2, 0.1, 0.9 - i / 400, 1] for i in range(300)]
    with pytest.raises(ModelOutputError, match=r"300 boxes .* are fractions of the image"):
        decode(rows)
    assert len(decode([[0.5, 0.4, 1.5, 1.5, 0.9, 1], *[[0] * 6] * 299]).scores) == 1


@pytest.mark.parametrize("class_id", [3, -1, 0.5])
def test_an_unknown_class_is_an_error(class_id: float) -> None:
    with pytest.raises(ModelOutputError, match=f"class {class_id:g} of 3"):
        decode([[0, 0, 8, 8, 0.5, class_id]])


def test_values_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(ModelOutputError, match="1 of the 6 values"):
        decode([[0, 0, np.nan, 8, 0.5, 1]])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ModelOutputError, match=r"\(K, 6\)"):
        decode([[0] * 7] * 5)
