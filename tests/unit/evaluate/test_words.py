from __future__ import annotations

import pytest

from tests.samples.pairs import found, truth
from yolokit.evaluate.analysis import analyse
from yolokit.evaluate.words import (
    describe_certainty,
    describe_errors,
    describe_outcome,
    floor_conf,
    half_width,
)

A, B = (0, 0, 40, 40), (100, 0, 140, 40)


def test_a_confidence_keeps_what_was_counted() -> None:
    assert [floor_conf(conf) for conf in (0.4567, 0.9999, 1.0, 0.0004)] == [
        "0.456", "0.999", "1.000", "0.000",
    ]  # fmt: skip


def test_what_was_found_in_words() -> None:
    nuts = truth((0, A), (0, B))
    one = analyse([("a.png", nuts, found((0, 0.9, A)))], ["nut"])
    assert describe_outcome(one) == "finds 1 of 2 objects; it gives 1 box, and 1 of them is right"
    assert describe_errors(one) == "1 missed"
    two = analyse([("a.png", nuts, found((0, 0.9, (0, 0, 40, 15)), (0, 0.8, B)))], ["nut"])
    assert describe_outcome(two) == (
        "finds 1 of 2 objects; it gives 2 boxes, and 1 of them is right"
    )
    assert describe_errors(two) == "1 loose box"
    none = analyse([("a.png", truth((0, A)), found())], ["nut"])
    assert describe_outcome(none) == "finds none of 1 object, since it gives no box"
    blank = analyse([("a.png", truth(), found())], ["nut"])
    assert describe_outcome(blank) == "no image has a label, so there is nothing to measure"


def test_how_far_a_share_may_be_off() -> None:
    assert half_width(50, 100) == pytest.approx(0.0962, abs=1e-4)  # Wilson: 0.404 to 0.596
    assert half_width(0, 10) == pytest.approx(0.1388, abs=1e-4)  # 0 to 0.278
    few = analyse([("a.png", truth((0, A)), found((0, 0.9, A)))], ["nut"])
    assert describe_certainty(few) == (
        "Measured on 1 image with 1 object: too few to compare models by a few points. By chance "
        "alone, the share that is found may be off by 40 points."
    )
