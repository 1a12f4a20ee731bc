from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.samples.pairs import found, judge, truth
from yolokit.evaluate.suspicions import (
    LOOSE_BOX,
    MISSING_BOX,
    WRONG_CLASS,
    Suspicion,
    suspect_labels,
)

if TYPE_CHECKING:
    from yolokit.core.types import Detections
    from yolokit.labels.model import Annotations

NUT, BOLT = 0, 1
A, B, FAR = (0, 0, 40, 40), (100, 0, 140, 40), (300, 300, 340, 340)


def suspect(labels: Annotations, detections: Detections) -> list[Suspicion]:
    usual = np.array([0.9, 0.9])
    return suspect_labels(judge(labels, detections), (400, 300), np.array([0.3, 0.3]), usual)


def test_what_agrees_is_not_suspected() -> None:
    assert suspect(truth((NUT, A), (BOLT, B)), found((NUT, 0.9, A), (BOLT, 0.5, B))) == []
    assert suspect(truth(), found()) == []
    assert suspect(truth((NUT, A)), found()) == [], "a blind model says nothing about a label"


def test_a_confident_detection_without_a_label() -> None:
    (one,) = suspect(truth(), found((NUT, 0.9, A)))
    assert tuple(one) == (MISSING_BOX, pytest.approx(0.9), -1, 0)
    (far,) = suspect(truth((NUT, A)), found((NUT, 0.95, A), (NUT, 0.9, FAR)))
    # The centres are 424 px apart, and the diagonal is 500 px.
    assert tuple(far) == (MISSING_BOX, pytest.approx(0.9 * (1 - 0.1 * (1 - 424.264 / 500))), -1, 1)


def test_one_object_is_missing_once_whatever_it_is_called() -> None:
    assert len(suspect(truth(), found((NUT, 0.9, A), (BOLT, 0.8, A)))) == 1


def test_below_the_confidence_of_its_class_a_detection_says_nothing() -> None:
    low = 0.29
    assert suspect(truth((NUT, A)), found((BOLT, low, A), (NUT, low, FAR))) == []


def test_a_label_that_the_model_calls_otherwise() -> None:
    (one,) = suspect(truth((NUT, A)), found((BOLT, 0.9, A)))
    assert tuple(one) == (WRONG_CLASS, pytest.approx(0.9), 0, 0)
    (less,) = suspect(truth((NUT, A)), found((BOLT, 0.9, A), (NUT, 0.2, A)))
    assert less.score == pytest.approx(0.9 * 0.8), "the model sees a bit of a nut in it"
    assert suspect(truth((NUT, A)), found((NUT, 0.9, A), (BOLT, 0.8, A))) == []


def test_two_objects_in_one_place_are_no_mistake() -> None:
    assert suspect(truth((NUT, A), (BOLT, A)), found((NUT, 0.9, A), (BOLT, 0.8, A))) == []


def test_a_box_that_lies_beside_what_is_found() -> None:
    half = (0, 0, 40, 20)
    (one,) = suspect(truth((NUT, half)), found((NUT, 0.9, A)))
    assert tuple(one) == (LOOSE_BOX, pytest.approx(0.9 * (1 - 0.5 / 0.9)), 0, 0)
    nearly = (0, 0, 40, 30)  # 0.75: less than 0.9, as some always are
    assert suspect(truth((NUT, nearly)), found((NUT, 0.9, A))) == []


def test_a_detection_of_the_neighbour_says_nothing_about_a_label() -> None:
    beside = (20, 0, 60, 40)
    assert suspect(truth((NUT, A), (NUT, beside)), found((NUT, 0.9, A))) == []
