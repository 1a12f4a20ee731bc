"""Differences that images drawn again can explain, and those that they cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yolokit.core.types import F64, I64, Detections
from yolokit.evaluate.resampling import compare_sets, match_set
from yolokit.metrics.coco import compute_coco_metrics
from yolokit.metrics.fitness import parse_fitness
from yolokit.metrics.store import BoxStore

Images = list[tuple[F64, I64, Detections]]


def make_images(count: int, *, jitter_px: float, seed: int, truth_seed: int = 0) -> Images:
    """Images with one to five true boxes, found with an error, and as many boxes that are false."""
    images: Images = []
    truths, rng = np.random.default_rng(truth_seed), np.random.default_rng(seed)
    for _ in range(count):
        size = truths.integers(1, 6)
        corners = truths.uniform(0, 400, (size, 2))
        truth = np.concatenate([corners, corners + truths.uniform(30, 90, (size, 2))], axis=1)
        ids = truths.integers(0, 3, size)
        moved = truth + rng.normal(0, jitter_px, truth.shape)
        false = rng.uniform(0, 200, (size, 4))
        false[:, 2:] += 200
        scores = rng.random(2 * size).astype(np.float32)
        order = np.argsort(-scores)
        images.append(
            (truth, ids, Detections(
                np.concatenate([moved, false]).astype(np.float32)[order],
                scores[order], np.concatenate([ids, rng.integers(0, 3, size)])[order],
            ))
        )  # fmt: skip
    return images


@settings(max_examples=15)
@given(
    count=st.integers(1, 12), jitter_px=st.floats(0, 20), seed=st.integers(0, 99),
    score_steps=st.sampled_from([4, 1000]),
)  # fmt: skip
def test_all_images_once_are_cocos_figure(
    count: int, jitter_px: float, seed: int, score_steps: int
) -> None:
    images = []
    for truth, ids, found in make_images(count, jitter_px=jitter_px, seed=seed):
        scores = (np.ceil(found.scores * score_steps) / score_steps).astype(np.float32)
        images.append((truth, ids, replace(found, scores=scores)))
    store = BoxStore()
    for truth, ids, found in images:
        store.add(truth, ids, found)
    overall = compute_coco_metrics(store, ["a", "b", "c"], (0.3, 0.6)).overall
    wanted = {"map50-95": overall.map50_95, "map50": overall.map50}
    wanted |= {f"recall@{share}": recall for share, recall in (overall.recall_at or {}).items()}
    assert len(wanted) == 4
    matched, once = match_set(images, 3), np.ones(count, np.int64)
    for metric, value in wanted.items():
        measured = matched.measure(once, parse_fitness(metric))
        assert measured == pytest.approx(value, abs=1e-9), metric


def test_an_image_twice_counts_as_two() -> None:
    images = make_images(6, jitter_px=6, seed=1)
    weights = np.array([2, 1, 0, 1, 1, 1])
    doubled = [image for image, times in zip(images, weights, strict=True) for _ in range(times)]
    once = np.ones(len(doubled), np.int64)
    assert match_set(images, 3).measure(weights) == pytest.approx(
        match_set(doubled, 3).measure(once), abs=0.02
    ), "equal but for the order of equal scores"


def test_a_better_model_is_told_from_an_equal_one() -> None:
    rough = match_set(make_images(60, jitter_px=9, seed=1), 3)
    fine = match_set(make_images(60, jitter_px=3, seed=2), 3)
    other = match_set(make_images(60, jitter_px=9, seed=3), 3)
    better = compare_sets(rough, fine)
    assert better.is_clear
    assert better.low is not None
    assert better.low > 0
    worse = compare_sets(fine, rough)
    assert worse.high is not None
    assert worse.high < 0
    assert not compare_sets(rough, other).is_clear
    same = compare_sets(rough, rough)
    assert (same.low, same.high, same.is_clear) == (0, 0, False)
    assert compare_sets(rough, fine) == better, "the draws do not vary"


def test_models_are_told_apart_by_the_metric_that_is_asked_for() -> None:
    rough = match_set(make_images(60, jitter_px=9, seed=1), 3)
    fine = match_set(make_images(60, jitter_px=3, seed=2), 3)
    found = compare_sets(rough, fine, parse_fitness("recall@0.3"))
    assert found.metric == "recall@0.3"
    assert found.second - found.first > 0.1
    assert found.low is not None
    assert 0 < found.low < found.second - found.first


def test_few_images_decide_nothing() -> None:
    few = match_set(make_images(9, jitter_px=3, seed=1), 3)
    found = compare_sets(few, match_set(make_images(9, jitter_px=30, seed=1), 3))
    assert found.first > found.second
    assert (found.low, found.high, found.is_clear) == (None, None, False)
    with pytest.raises(ValueError, match="9 images cannot be compared with 2"):
        compare_sets(few, match_set(make_images(2, jitter_px=3, seed=1), 3))


def test_images_without_boxes() -> None:
    nothing = (np.zeros((0, 4)), np.zeros(0, np.int64), Detections.empty())
    found = match_set([nothing] * 12, 2)
    assert found.measure(np.ones(12, np.int64)) == 0
    assert not compare_sets(found, found).is_clear
