from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples.pairs import found, judge, random_images, truth
from yolokit.evaluate.judge import KINDS, RIGHT, JudgedImage

NUT, BOLT = 0, 1
TRUE = (0, 0, 100, 100)


def kinds_of(image: JudgedImage) -> list[str]:
    return [KINDS[kind] for kind in image.kinds]


@pytest.mark.parametrize(
    ("class_id", "box", "kind"),
    [
        (NUT, TRUE, "right"),
        (NUT, (0, 0, 100, 50), "right"),  # an IoU of 0.5 is enough
        (NUT, (0, 0, 100, 49), "loose"),
        (NUT, (0, 0, 100, 10), "loose"),  # 0.1
        (NUT, (0, 0, 100, 9), "false"),
        (NUT, (300, 300, 400, 400), "false"),
        (BOLT, TRUE, "wrong_class"),
        (BOLT, (0, 0, 100, 50), "wrong_class"),
        (BOLT, (0, 0, 100, 49), "false"),  # wrong in both ways: nothing says it means this object
    ],
)
def test_one_detection_of_one_nut(
    class_id: int, box: tuple[float, float, float, float], kind: str
) -> None:
    image = judge(truth((NUT, TRUE)), found((class_id, 0.9, box)))
    assert kinds_of(image) == [kind]
    assert image.partners.tolist() == [-1 if kind == "false" else 0]
    assert image.find_missed(0.5).tolist() == ([0] if kind == "false" else [])


def test_the_second_box_of_an_object_is_a_duplicate() -> None:
    image = judge(truth((NUT, TRUE)), found((NUT, 0.9, (0, 0, 100, 80)), (NUT, 0.8, TRUE)))
    assert kinds_of(image) == ["right", "duplicate"]


def test_a_box_that_is_right_for_a_second_object_is_not_a_duplicate() -> None:
    image = judge(
        truth((NUT, TRUE), (NUT, (0, 0, 100, 110))), found((NUT, 0.9, TRUE), (NUT, 0.8, TRUE))
    )
    assert kinds_of(image) == ["right", "right"]
    assert image.partners.tolist() == [0, 1]


def test_nothing_labelled_or_nothing_found() -> None:
    assert kinds_of(judge(truth(), found((NUT, 0.9, TRUE)))) == ["false"]
    assert judge(truth((NUT, TRUE)), found()).find_missed(0.0).tolist() == [0]
    assert kinds_of(judge(truth(), found())) == []


def test_what_is_found_with_too_low_a_score_is_missed() -> None:
    image = judge(truth((NUT, TRUE)), found((BOLT, 0.9, TRUE), (NUT, 0.4, TRUE)))
    assert image.find_missed(0.95).tolist() == [0]
    assert image.find_missed(0.5).tolist() == []  # it was seen, under the wrong class
    assert image.best_scores(RIGHT).tolist() == [pytest.approx(0.4)]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_a_kind_does_not_depend_on_what_scores_less(seed: int, kept: int) -> None:
    ((_, annotations, detections),) = random_images(seed, images=1, class_count=3)
    whole = judge(annotations, detections)
    part = judge(annotations, detections[:kept])
    np.testing.assert_array_equal(part.kinds, whole.kinds[:kept])
    np.testing.assert_array_equal(part.partners, whole.partners[:kept])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_each_kind_is_what_its_definition_says(seed: int) -> None:
    """Written again from the definitions, one detection at a time."""
    ((_, annotations, detections),) = random_images(seed, images=1, class_count=3)
    image, taken, expected = judge(annotations, detections), set(), []
    for xyxy, _, class_id in detections:
        overlaps = [iou(xyxy, box) for box in annotations.xyxy]
        mine = annotations.category_indices == class_id
        own = [overlap if same else 0 for overlap, same in zip(overlaps, mine, strict=True)]
        free = [at for at, overlap in enumerate(own) if overlap >= 0.5 and at not in taken]
        if free:
            best = max(free, key=lambda at: (own[at], at))
            taken.add(best)
            expected.append("right")
        elif 0.1 <= max(own, default=0) < 0.5:
            expected.append("loose")
        elif any(o >= 0.5 and not same for o, same in zip(overlaps, mine, strict=True)):
            expected.append("wrong_class")
        else:
            expected.append("duplicate" if max(own, default=0) >= 0.5 else "false")
    assert kinds_of(image) == expected


def iou(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(float), b.astype(float)
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(width, 0) * max(height, 0)
    area_a, area_b = (max(0, x[2] - x[0]) * max(0, x[3] - x[1]) for x in (a, b))
    return shared / (area_a + area_b - shared) if shared else 0.0
