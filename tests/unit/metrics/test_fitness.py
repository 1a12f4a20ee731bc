"""What epochs may be judged by, and what it is called."""

from __future__ import annotations

import pytest

from yolokit.metrics.fitness import Fitness, describe_fitness, describe_scores, parse_fitness


@pytest.mark.parametrize(
    ("text", "fitness"),
    [
        ("map50-95", Fitness("mAP50-95")),
        ("mAP50", Fitness("mAP50")),
        ("recall@0.9", Fitness("recall@0.9", (0.9,))),
        ("recall@.90", Fitness("recall@0.9", (0.9,))),
        (" Recall@0.125 ", Fitness("recall@0.125", (0.125,))),
        ("recall@1.0", Fitness("recall@1", (1.0,))),
        ("recall@0.9999", Fitness("recall@0.9999", (0.9999,))),
    ],
)
def test_a_metric_has_one_name_however_it_is_written(text: str, fitness: Fitness) -> None:
    assert parse_fitness(text) == fitness


@pytest.mark.parametrize(
    "text",
    [
        *("map75", "map", "recall", "recall@", "recall@0", "recall@0.0", "recall@1.5"),
        *("recall@90", "recall@-0.5", "recall@nan", "recall@1e-1", "precision@0.9", "", "0.9"),
        "recall@0.99999",  # would be 1 as it is shown
    ],
)
def test_anything_else_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"map50-95, map50, or recall@P .* such as recall@0\.9, "):
        parse_fitness(text)


def test_what_a_name_does_not_say_is_explained() -> None:
    assert describe_fitness(parse_fitness("map50")) == "mAP50"
    assert describe_fitness(parse_fitness("recall@0.9")) == (
        "recall@0.9: the highest recall at a precision of at least 0.9, each class at a confidence "
        "of its own, and their mean"
    )


def test_scores_begin_with_the_fitness_and_name_none_twice() -> None:
    metrics = {"mAP50-95": 0.41, "mAP50": 0.6, "recall@0.9": 0.73}
    assert describe_scores(metrics, "mAP50-95", "mAP50") == "mAP50-95 0.4100, mAP50 0.6000"
    assert describe_scores(metrics, "mAP50", "mAP50", digits=2) == "mAP50 0.60, mAP50-95 0.41"
    assert describe_scores(metrics, "recall@0.9", digits=3) == "recall@0.9 0.730, mAP50-95 0.410"
    assert describe_scores({}, "mAP50") == "", "an epoch that was not validated"
