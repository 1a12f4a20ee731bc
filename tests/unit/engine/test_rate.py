"""The optimizer and its rate, where a training leaves them open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yolokit.engine.rate import Choice, complete, usual_adam_rate

ASKED = Choice("auto", 0.01, 0.937, 0.1)


def test_what_is_left_open_is_upstreams_choice() -> None:
    assert complete(ASKED, None, classes=3, knows_classes=True) == ASKED


def test_a_rate_alone_goes_with_adamw_and_no_leap_of_the_biases() -> None:
    chosen = complete(ASKED, 0.0005, classes=3, knows_classes=False)
    assert chosen == Choice("AdamW", 0.0005, 0.9, 0.0)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "NAdam", "RAdam"])
def test_adam_alone_gets_the_rate_that_fits_it(name: str) -> None:
    """Upstream's 0.01 is for SGD, and so is the rate of 0.1 at which its biases begin."""
    asked = replace(ASKED, optimizer=name)
    assert complete(asked, None, classes=1, knows_classes=False) == Choice(name, 0.002, 0.937, 0.0)
    assert complete(asked, 0.3, classes=1, knows_classes=False).lr0 == 0.3


@pytest.mark.parametrize(("knows_classes", "bias"), [(False, 0.1), (True, 0.0)])
def test_sgd_begins_as_upstreams_unless_there_is_something_to_lose(
    knows_classes: bool, bias: float
) -> None:
    asked = replace(ASKED, optimizer="SGD")
    chosen = complete(asked, None, classes=1, knows_classes=knows_classes)
    assert chosen == Choice("SGD", 0.01, 0.937, bias)


def test_the_usual_rate_of_adam_is_upstreams() -> None:
    assert [usual_adam_rate(classes) for classes in (1, 3, 80)] == [0.002, 0.001429, 0.000119]
