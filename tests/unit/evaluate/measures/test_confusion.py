from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples.pairs import found, judge, random_images, truth
from yolokit.evaluate.measures.confusion import count_confusions
from yolokit.metrics.coco import compute_coco_metrics
from yolokit.metrics.store import BoxStore

NUT, BOLT = 0, 1
A, B, C = (0, 0, 40, 40), (100, 0, 140, 40), (0, 100, 40, 140)
NOWHERE = (300, 300, 340, 340)


def test_each_object_and_each_detection_is_counted_once() -> None:
    image = judge(
        truth((NUT, A), (NUT, B), (BOLT, C)),
        found((NUT, 0.9, A), (BOLT, 0.8, B), (NUT, 0.7, B), (NUT, 0.6, NOWHERE), (BOLT, 0.2, C)),
    )
    # At 0.75 the nut B was taken for a bolt, and the bolt C was not found.
    assert count_confusions([image], 2, 0.75).tolist() == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]
    # At 0.1 it was found as a nut too: then the bolt there is one too many, as is the nut nowhere.
    assert count_confusions([image], 2, 0.1).tolist() == [[2, 0, 0], [0, 1, 0], [1, 1, 0]]


def test_two_wrong_boxes_on_one_object_confuse_it_once() -> None:
    image = judge(truth((NUT, A)), found((BOLT, 0.9, A), (BOLT, 0.8, A)))
    assert count_confusions([image], 2, 0.5).tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]


def test_a_loose_box_is_neither_found_nor_there() -> None:
    image = judge(truth((NUT, A)), found((NUT, 0.9, (0, 0, 40, 15))))
    assert count_confusions([image], 2, 0.5).tolist() == [[0, 0, 1], [0, 0, 0], [1, 0, 0]]


def test_no_image() -> None:
    assert count_confusions([], 1, 0.5).tolist() == [[0, 0], [0, 0]]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 3]), st.floats(0, 1))
def test_its_sums_are_the_boxes_and_its_diagonal_is_what_coco_matches(
    seed: int, class_count: int, conf: float
) -> None:
    conf = float(np.float32(conf))
    images = random_images(seed, images=4, class_count=class_count)
    counts = count_confusions([judge(t, d) for _, t, d in images], class_count, conf)
    true = Counter(i for _, t, _ in images for i in t.category_indices.tolist())
    there = Counter(i for _, _, d in images for i in d.class_ids[d.scores >= conf].tolist())
    assert counts[-1, -1] == 0
    assert counts.sum(axis=1)[:-1].tolist() == [true[i] for i in range(class_count)]
    assert counts.sum(axis=0)[:-1].tolist() == [there[i] for i in range(class_count)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_precision_and_recall_are_those_of_the_metrics(seed: int) -> None:
    images, names = random_images(seed, images=5, class_count=3), ["a", "b", "c"]
    store = BoxStore()
    for _, labels, detections in images:
        store.add(labels.xyxy, labels.category_indices, detections)
    metrics = compute_coco_metrics(store, names)
    conf = metrics.overall.conf
    if conf is None:  # not one true box
        return
    counts = count_confusions([judge(t, d) for _, t, d in images], 3, conf)
    for i, row in enumerate(metrics.classes):
        if row.boxes:
            assert row.recall == counts[i, i] / counts[i].sum()
            assert row.precision == counts[i, i] / max(counts[:, i].sum(), 1)
