from __future__ import annotations

import numpy as np
import pytest

from yolokit.core.types import Detections
from yolokit.errors import ConfigError
from yolokit.evaluate.classes import map_classes


def detections(class_ids: list[int]) -> Detections:
    count = len(class_ids)
    xyxy = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
    return Detections(xyxy, np.linspace(0.9, 0.1, count).astype(np.float32), np.array(class_ids))


def test_the_order_of_the_classes_does_not_matter() -> None:
    mapped = map_classes(["nut", "bolt"], ["bolt", "nut"])
    assert mapped.apply(detections([0, 1, 0])).class_ids.tolist() == [1, 0, 1]
    assert mapped.extra == ()


def test_detections_of_classes_without_labels_are_left_out_and_named() -> None:
    mapped = map_classes(["person", "car", "dog"], ["car"])
    kept = mapped.apply(detections([0, 1, 2, 1]))
    assert kept.class_ids.tolist() == [0, 0]
    np.testing.assert_array_equal(kept.xyxy, [[4, 5, 6, 7], [12, 13, 14, 15]])
    np.testing.assert_allclose(kept.scores, detections([0, 1, 2, 1]).scores[[1, 3]])
    assert mapped.extra == ("person", "dog")


def test_every_class_that_the_model_lacks_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        map_classes(["RBC", "WBC"], ["rbc", "WBC", "Platelets"])
    assert caught.value.problems == (
        "the model does not know the class 'rbc' of the data set: it has 'RBC'",
        "the model does not know the class 'Platelets' of the data set",
    )
    assert "RBC, WBC" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("model", "data", "side"), [(["a", "a"], ["a"], "model"), (["a"], ["a", "a"], "data set")]
)
def test_a_name_for_two_classes_is_refused(model: list[str], data: list[str], side: str) -> None:
    with pytest.raises(ConfigError, match=f"the {side} has several classes called 'a'"):
        map_classes(model, data)


def test_no_detections_stay_none() -> None:
    assert len(map_classes(["a"], ["a"]).apply(Detections.empty())) == 0
