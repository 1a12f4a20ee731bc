from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples.pairs import found, random_images, truth
from yolokit.evaluate.analysis import Analysis, analyse
from yolokit.metrics.coco import CocoMetrics, compute_coco_metrics
from yolokit.metrics.store import BoxStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from yolokit.core.types import Detections
    from yolokit.labels.model import Annotations

A, B = (0, 0, 40, 40), (100, 0, 140, 40)


def measure(images: Sequence[tuple[str, Annotations, Detections]], names: list[str]) -> CocoMetrics:
    store = BoxStore()
    for _, labels, detections in images:
        store.add(labels.xyxy, labels.category_indices, detections)
    return compute_coco_metrics(store, names)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 5]))
def test_its_figures_are_those_of_the_metrics(seed: int, class_count: int) -> None:
    images = random_images(seed, images=6, class_count=class_count)
    names = [f"class {i}" for i in range(class_count)]
    metrics, analysis = measure(images, names), analyse(images, names)
    for row, curve in zip(
        (metrics.overall, *metrics.classes), (analysis.overall, *analysis.curves), strict=True
    ):
        assert (curve.name, curve.boxes) == (row.name, row.boxes)
        for ours, theirs in (
            (curve.precision, row.precision),
            (curve.recall, row.recall),
            (curve.f1, row.f1),
            (curve.best_conf, row.best_conf),
            (curve.best_f1, row.best_f1),
            (curve.ap50, row.map50),
        ):
            assert ours == pytest.approx(theirs)
    if metrics.overall.conf is not None:
        assert analysis.conf == metrics.overall.conf


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_its_parts_agree_with_each_other(seed: int) -> None:
    analysis = analyse(random_images(seed, images=6, class_count=3), ["a", "b", "c"])
    wrong = sum(one.count for one in analysis.errors if one.kind != "missed")
    assert wrong == analysis.overall.found - analysis.overall.right
    assert sum(one.boxes for one in analysis.sizes) == analysis.overall.boxes
    assert sum(one.right for one in analysis.sizes) == analysis.overall.right
    assert sum(row[at] for at, row in enumerate(analysis.confusion)) == analysis.overall.right
    for one in analysis.errors:
        assert one.count == one.small + one.medium + one.large
    assert msgspec.json.decode(msgspec.json.encode(analysis), type=Analysis) == analysis


def test_no_image_no_detection_no_truth() -> None:
    assert analyse([], ["nut"]).errors[0].count == 0
    nothing_there = analyse([("a.png", truth(), found((0, 0.9, A)))], ["nut"])
    assert nothing_there.overall.f1 is None
    assert nothing_there.confusion == ((0, 0), (1, 0)), "what a person would see is counted"
    nothing_found = analyse([("a.png", truth((0, A)), found())], ["nut"])
    assert (nothing_found.conf, nothing_found.overall.f1) == (0.25, 0)
    assert nothing_found.confusion == ((0, 1), (0, 0))
    assert nothing_found.errors[0].kind == "missed"


def test_its_size_is_bounded() -> None:
    images = random_images(0, images=60, class_count=80, most=150)
    analysis = analyse(images, [f"a class with a long name {i}" for i in range(80)])
    assert len(analysis.worst) == 12
    assert len(msgspec.json.encode(analysis)) < 500_000


def test_a_task_says_how_much_its_objects_overlap() -> None:
    import numpy as np

    images = [("a.png", truth((0, A)), found((0, 0.9, B)))]
    assert analyse(images, ["nut"]).overall.right == 0
    assert (
        analyse(images, ["nut"], overlap=lambda t, f: np.ones((len(f), len(t)))).overall.right == 1
    )
