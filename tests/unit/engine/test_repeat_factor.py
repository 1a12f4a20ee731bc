"""Images with rare classes come more often, in an order that seed and epoch alone decide."""

from __future__ import annotations

from typing import Any

import numpy as np

from yolokit.engine.repeat_factor import (
    count_shown,
    draw_epoch,
    find_repeats,
)

# Class 0 is on all of 16 images, class 1 on the last one: a sixteenth.
LABELS: list[Any] = [{"cls": np.zeros((2, 1))} for _ in range(15)]
LABELS.append({"cls": np.array([[0.0], [1.0], [1.0]])})


def test_factors_are_those_of_the_paper() -> None:
    assert find_repeats(LABELS, 0.25).tolist() == [1.0] * 15 + [2.0], "sqrt(0.25 * 16)"
    assert find_repeats(LABELS, 0.01).tolist() == [1.0] * 16
    assert find_repeats([*LABELS, {"cls": np.zeros((0, 1))}], 1.0)[-1] == 1, "without any object"
    assert find_repeats([{"cls": np.zeros((0, 1))}], 1.0).tolist() == [1.0]


def test_an_epoch_shows_each_image_and_the_rare_ones_more_often() -> None:
    repeats = np.array([1.0, 1.0, 2.4, 1.3, 3.0])
    counts = np.zeros(5)
    for epoch in range(400):
        shown = draw_epoch(repeats, 0, epoch)
        assert len(shown) == count_shown(repeats) == 9
        each = np.bincount(shown, minlength=5)
        assert (each >= np.floor(repeats)).all()
        counts += each
    scale = 1 + 0.3 / 0.7  # one more image an epoch, where the fractions ask for 0.7
    expected = [1, 1, 2 + 0.4 * scale, 1 + 0.3 * scale, 3]
    np.testing.assert_allclose(counts / 400, expected, atol=0.08)


def test_seed_and_epoch_alone_decide() -> None:
    repeats = np.full(20, 1.5)
    first = draw_epoch(repeats, 3, 7).tolist()
    assert draw_epoch(repeats, 3, 7).tolist() == first
    assert draw_epoch(repeats, 3, 8).tolist() != first != draw_epoch(repeats, 4, 7).tolist()
