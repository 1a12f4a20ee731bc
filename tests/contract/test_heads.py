"""Every layout of boxes that is discovered keeps the same promises."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.contract.protocols import find_lacking
from yolokit.core.plugins import list_plugins
from yolokit.errors import ModelOutputError
from yolokit.runtime.heads.toolkit import PACKAGE, Head, list_heads, load_head

if TYPE_CHECKING:
    from yolokit.core.types import F32

HEADS = list_plugins(PACKAGE)
CLASSES, EXTRAS, BOXES = 3, 2, 12


@pytest.fixture(params=HEADS)
def head(request: pytest.FixtureRequest) -> Head:
    return load_head(str(request.param))


def zeros(head: Head, extra_count: int = EXTRAS) -> F32:
    """An output of one image, all zero."""
    count = head.count_values(CLASSES, extra_count)
    return np.zeros((BOXES, count) if head.BOX_AXIS == 1 else (count, BOXES), np.float32)


def outputs_of_zeros_and_ones(head: Head) -> list[F32]:
    """Outputs that are right in any layout: 0 and 1 are places, scores and classes alike."""
    rng = np.random.default_rng(7)
    return [rng.integers(0, 2, zeros(head).shape).astype(np.float32) for _ in range(20)]


def kind(array: np.ndarray[Any, Any]) -> tuple[tuple[int, ...], str]:
    return array.shape, str(array.dtype)


def test_there_are_heads() -> None:
    assert {"end2end", "raw"} <= set(HEADS)
    assert list_heads() == HEADS


@pytest.mark.parametrize("name", HEADS)
def test_it_has_all_that_a_head_has(name: str) -> None:
    assert find_lacking(load_head(name), Head) == []


def test_its_axes_and_words_are_right(head: Head) -> None:
    assert head.BOX_AXIS in (1, 2)
    assert head.count_values(CLASSES, EXTRAS) == head.count_values(CLASSES) + EXTRAS
    words = head.describe_shape(CLASSES)
    assert words.startswith("(batch, ")
    assert str(head.count_values(CLASSES)) in words


def test_an_empty_image_has_no_candidates(head: Head) -> None:
    found = head.decode(zeros(head), class_count=CLASSES, extra_count=EXTRAS, min_score=0.25)
    assert (found.xyxy.shape, found.extras.shape) == ((0, 4), (0, EXTRAS))


@pytest.mark.parametrize("multi_label", [True, False])
def test_candidates_have_the_stated_types(head: Head, multi_label: bool) -> None:
    seen = 0
    for output in outputs_of_zeros_and_ones(head):
        before = output.copy()
        found = head.decode(
            output,
            class_count=CLASSES,
            extra_count=EXTRAS,
            min_score=0.25,
            multi_label=multi_label,
        )
        np.testing.assert_array_equal(output, before)
        count = len(found.scores)
        seen += count
        assert kind(found.xyxy) == ((count, 4), "float32")
        assert kind(found.scores) == ((count,), "float32")
        assert kind(found.class_ids) == ((count,), "int64")
        assert kind(found.extras) == ((count, EXTRAS), "float32")
        assert (found.scores >= 0.25).all()
        assert ((found.class_ids >= 0) & (found.class_ids < CLASSES)).all()
        if head.SUPPRESSES_OVERLAPS:
            assert (np.diff(found.scores) <= 0).all()
    assert seen > 20


@pytest.mark.parametrize("shape", [(3,), (2, 2), (1, 9, 9)])
def test_another_shape_is_refused(head: Head, shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelOutputError):
        head.decode(np.zeros(shape, np.float32), class_count=CLASSES, min_score=0.25)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(head: Head, value: float) -> None:
    output = zeros(head, 0)
    output[1, 2] = value
    with pytest.raises(ModelOutputError, match="NaN or infinite"):
        head.decode(output, class_count=CLASSES, min_score=0.25)


def test_what_is_compared_has_fixed_places(head: Head) -> None:
    """The gate compares value by value, and all scores are among what it compares."""
    for output in outputs_of_zeros_and_ones(head):
        boxes, scores = head.split_comparable(output)
        assert boxes.dtype == scores.dtype == np.float64
        higher = output + np.float32(0.5)
        _, other = head.split_comparable(higher)
        assert other.shape == scores.shape
        assert scores.size >= BOXES
        np.testing.assert_allclose(other - scores, 0.5)


def test_a_head_that_lacks_something_is_noticed() -> None:
    good = load_head("raw")
    lacking = types.SimpleNamespace(**{k: v for k, v in vars(good).items() if k != "BOX_AXIS"})
    lacking.count_values = lambda class_count: class_count
    problems = find_lacking(lacking, Head)
    first, second = problems
    assert first == "has no BOX_AXIS"
    assert second.startswith("count_values takes")
