from __future__ import annotations

import numpy as np

from yolokit.core.types import Detections
from yolokit.metrics.store import BoxStore


def test_boxes_come_back_by_class_in_the_order_of_their_images() -> None:
    store = BoxStore()
    box = [0.0, 0.0, 10.0, 10.0]
    far = [50.0, 50.0, 60.0, 60.0]
    for scores, ids in (([0.9, 0.5], [1, 0]), ([0.7, 0.6], [1, 1])):
        found = Detections(
            np.array([box, far], np.float32), np.array(scores, np.float32), np.array(ids)
        )
        store.add(np.array([box]), np.array([1]), found)
    first, second = store.found_by_class(2)
    assert (first.image_ids.tolist(), second.image_ids.tolist()) == ([1], [1, 2, 2])
    np.testing.assert_allclose(second.scores, [0.9, 0.7, 0.6])
    assert second.is_true.tolist() == [True, True, False]
    assert [len(one) for one in store.truth_by_class(2)] == [0, 2]
    assert (store.image_count, store.labelled_image_count, store.max_detections) == (2, 2, 2)


def test_a_detection_of_another_class_is_not_true() -> None:
    store = BoxStore()
    box = np.array([[0.0, 0.0, 10.0, 10.0]])
    found = Detections(box.astype(np.float32), np.array([0.9], np.float32), np.array([0]))
    store.add(box, np.array([1]), found)
    assert store.found_by_class(2)[0].is_true.tolist() == [False]
