from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples.pairs import found, judge, random_images, truth
from yolokit.core.types import Detections
from yolokit.evaluate.measures.costs import weigh_in_ap50, weigh_in_f1
from yolokit.evaluate.measures.judge import KINDS
from yolokit.labels.model import Annotations
from yolokit.metrics.coco import compute_coco_metrics
from yolokit.metrics.store import BoxStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yolokit.evaluate.measures.judge import JudgedImage

NUT, BOLT = 0, 1
A, B, NOWHERE = (0, 0, 40, 40), (100, 0, 140, 40), (300, 300, 340, 340)
NOTHING = {"loose": 0.0, "wrong_class": 0.0, "duplicate": 0.0, "false": 0.0, "missed": 0.0}


def weigh(annotations: Annotations, detections: Detections) -> dict[str, float]:
    return dict(weigh_in_ap50([judge(annotations, detections)], 2).items())


def test_an_error_that_costs_everything() -> None:
    nut = truth((NUT, A))
    assert weigh(nut, found()) == NOTHING | {"missed": 1}
    assert weigh(nut, found((BOLT, 0.9, A))) == NOTHING | {"wrong_class": 1}
    assert weigh(nut, found((NUT, 0.9, (0, 0, 40, 15)))) == NOTHING | {"loose": 1}
    assert weigh(nut, found((NUT, 0.9, A))) == NOTHING


def test_a_false_alarm_costs_only_what_it_precedes() -> None:
    nut = truth((NUT, A))
    assert weigh(nut, found((NUT, 0.9, NOWHERE), (NUT, 0.5, A))) == NOTHING | {"false": 0.5}
    assert weigh(nut, found((NUT, 0.9, A), (NUT, 0.5, NOWHERE))) == NOTHING


def test_a_duplicate_before_the_second_object() -> None:
    nuts = truth((NUT, A), (NUT, B))
    boxes = found((NUT, 0.9, A), (NUT, 0.8, A), (NUT, 0.7, B))
    # Recall 0 to 0.5 at precision 1, and 0.51 to 1 at 2/3: 50 of 101 levels lose a third.
    assert weigh(nuts, boxes)["duplicate"] == pytest.approx(50 / 101 / 3)


def test_of_two_wrong_boxes_on_one_object_the_better_is_mended() -> None:
    costs = weigh(truth((NUT, A)), found((BOLT, 0.9, A), (NUT, 0.8, NOWHERE), (BOLT, 0.7, A)))
    assert costs["wrong_class"] == 1


def test_without_a_true_box_there_is_no_cost() -> None:
    assert weigh(truth(), found((NUT, 0.9, A))) == {}


def test_what_is_lost_of_f1_at_a_confidence() -> None:
    """One of two nuts is found; the other is called a bolt, is seen loosely, or is missed."""
    nuts, right = truth((NUT, A), (NUT, B)), (NUT, 0.9, A)
    for bad, expected in {
        (BOLT, 0.8, B): {"wrong_class": 1 - 2 / 3},
        (NUT, 0.8, (100, 0, 140, 15)): {"loose": 1 - 2 / 4},
        (NUT, 0.8, A): {"duplicate": 2 / 3 - 2 / 4, "missed": 4 / 5 - 2 / 4},
        (NUT, 0.8, NOWHERE): {"false": 2 / 3 - 2 / 4, "missed": 4 / 5 - 2 / 4},
        (NUT, 0.1, B): {"missed": 1 - 2 / 3},
    }.items():
        gains = weigh_in_f1([judge(nuts, found(right, bad))], 2, 0.5)
        assert dict(gains.items()) == pytest.approx(NOTHING | expected)
    assert weigh_in_f1([judge(truth(), found(right))], 2, 0.5) == {}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_cost_is_what_cocos_map50_gains_on_the_mended_boxes(seed: int) -> None:
    images = [judge(t, d) for _, t, d in random_images(seed, images=5, class_count=3)]
    costs = weigh_in_ap50(images, 3)
    if not costs:
        return
    before = map50((image.true_ids, image.true_xyxy, *boxes_of(image)) for image in images)
    for kind in ("false", "duplicate", "loose", "wrong_class"):
        after = map50((i.true_ids, i.true_xyxy, *mend(i, kind)) for i in images)
        assert costs[kind] == pytest.approx(after - before, abs=1e-9)


def boxes_of(image: JudgedImage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return image.xyxy, image.scores, image.class_ids


def mend(image: JudgedImage, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put the detections of one kind right, one after the other."""
    right = {p for p, k in zip(image.partners, image.kinds, strict=True) if KINDS[k] == "right"}
    xyxy, class_ids, kept, mended = image.xyxy.copy(), image.class_ids.copy(), [], set(right)
    for at, code in enumerate(image.kinds):
        partner = int(image.partners[at])
        is_wrong = KINDS[code] in ("loose", "wrong_class")
        is_best = is_wrong and partner not in mended
        if is_best:
            mended.add(partner)
        if KINDS[code] != kind:
            kept.append(at)
        elif is_best:
            xyxy[at], class_ids[at] = image.true_xyxy[partner], image.true_ids[partner]
            kept.append(at)
    return xyxy[kept], image.scores[kept], class_ids[kept]


def map50(
    images: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]],
) -> float:
    store = BoxStore()
    for true_ids, true_xyxy, xyxy, scores, class_ids in images:
        store.add(true_xyxy, true_ids, Detections(xyxy, scores, class_ids))
    value = compute_coco_metrics(store, ["a", "b", "c"]).overall.map50
    assert value is not None
    return value
