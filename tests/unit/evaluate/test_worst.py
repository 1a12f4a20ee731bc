from __future__ import annotations

from tests.samples.pairs import found, judge, truth
from yolokit.evaluate.worst import BOXES, choose_worst

NUT, BOLT = 0, 1
A, B, C = (0, 0, 40, 40), (100, 0, 140, 40), (0, 100, 40, 140)
NUTS = truth((NUT, A), (NUT, B))


def test_the_lowest_f1_first_then_more_errors() -> None:
    images = [
        judge(NUTS, found((NUT, 0.9, A), (NUT, 0.8, B)), "perfect.png"),
        judge(NUTS, found((NUT, 0.9, A)), "half.png"),
        judge(truth((NUT, A)), found(), "one missed.png"),
        judge(NUTS, found((NUT, 0.2, A)), "two missed.png"),
        judge(truth(), found(), "empty.png"),
        judge(truth(), found((NUT, 0.9, A)), "ghost.png"),
    ]
    worst = choose_worst(images, 0.5)
    assert [(one.image, one.errors) for one in worst] == [
        ("two missed.png", 2), ("one missed.png", 1), ("ghost.png", 1), ("half.png", 1),
    ]  # fmt: skip
    assert [round(one.f1, 3) for one in worst] == [0, 0, 0, 0.667]
    assert [one.image for one in choose_worst(images, 0.5, limit=1)] == ["two missed.png"]


def test_all_boxes_are_there_with_what_became_of_them() -> None:
    image = judge(
        truth((NUT, A), (NUT, B), (BOLT, C)),
        found((NUT, 0.9, A), (BOLT, 0.8, B), (NUT, 0.7, (300, 0, 340, 40)), (BOLT, 0.1, C)),
    )
    (one,) = choose_worst([image], 0.5)
    assert [(box.class_id, box.kind) for box in one.truth] == [
        (NUT, "wrong_class"), (BOLT, "missed"), (NUT, "right"),
    ]  # fmt: skip
    assert [(box.class_id, box.score, box.kind) for box in one.found] == [
        (BOLT, 0.8, "wrong_class"), (NUT, 0.7, "false"), (NUT, 0.9, "right"),
    ]  # fmt: skip
    assert one.truth[1].xyxy == C
    assert (one.errors, one.left_out) == (3, 0)


def test_a_crowded_image_is_cut_errors_first() -> None:
    boxes = [(at * 50.0, 0.0, at * 50.0 + 40, 40.0) for at in range(BOXES + 20)]
    image = judge(
        truth(*((NUT, box) for box in boxes)), found(*((NUT, 0.9, box) for box in boxes[:-5]))
    )
    (one,) = choose_worst([image], 0.5)
    assert (len(one.truth), len(one.found)) == (BOXES, BOXES)
    assert [box.kind for box in one.truth[:6]] == ["missed"] * 5 + ["right"]
    assert one.left_out == 20 + 15
