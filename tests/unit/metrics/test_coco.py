from __future__ import annotations

import contextlib
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yolokit.core.types import Detections
from yolokit.metrics.coco import USUAL_CONF, ScoredClass, compute_coco_metrics, find_best_conf
from yolokit.metrics.store import BoxStore
from yolokit.runtime.manifest import ModelHead

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from yolokit.core.types import F64, I64
    from yolokit.metrics.coco import CocoMetrics

NAMES = ("bolt", "nut", "washer", "never labelled", "never found")


class EvaluatedImage(NamedTuple):
    """What a store takes of one image."""

    true_xyxy: F64
    true_class_ids: I64
    detections: Detections


def make_image(
    rng: np.random.Generator, *, true_count: int, noise: int, score_steps: int
) -> EvaluatedImage:
    """True boxes of the classes 0, 1, 2 and 4; found ones of 0 to 3, jittered, with score ties."""
    size = rng.choice([8.0, 24.0, 60.0, 140.0, 300.0], true_count)[:, None] * rng.uniform(
        0.6, 1.4, (true_count, 2)
    )
    corner = rng.uniform(0, 500, (true_count, 2))
    true_xyxy = np.concatenate([corner, corner + size], axis=1)
    true_ids = rng.choice([0, 0, 0, 1, 2, 4], true_count)
    repeat = rng.integers(0, 4, true_count)  # missed, found once, found several times
    jitter = rng.normal(0, 0.06, (int(repeat.sum()), 4)) * np.repeat(size.mean(1), repeat)[:, None]
    boxes = np.repeat(true_xyxy, repeat, axis=0) + jitter
    stray = rng.uniform(0, 500, (noise, 2))
    boxes = np.concatenate(
        [boxes, np.concatenate([stray, stray + rng.uniform(5, 200, (noise, 2))], axis=1)]
    )
    boxes[:, 2:] = np.maximum(boxes[:, :2] + 1, boxes[:, 2:])
    ids = np.where(
        rng.random(len(boxes)) < 0.9,
        np.concatenate([np.repeat(true_ids, repeat), np.zeros(noise, np.int64)]),
        rng.integers(0, 4, len(boxes)),
    )
    ids[ids == 4] = 3
    scores = np.sort(np.round(rng.random(len(boxes)) * score_steps) / score_steps)[::-1]
    found = Detections(boxes.astype(np.float32), scores.astype(np.float32), ids.astype(np.int64))
    return EvaluatedImage(true_xyxy, true_ids.astype(np.int64), found)


def make_set(seed: int, *, crowded: bool, score_steps: int) -> list[EvaluatedImage]:
    rng = np.random.default_rng(seed)
    images = [
        make_image(
            rng,
            true_count=int(rng.integers(0, 90 if crowded else 6)),
            noise=int(rng.integers(0, 60 if crowded else 5)),
            score_steps=score_steps,
        )
        for _ in range(6 if crowded else 40)
    ]
    empty = np.zeros((0, 4)), np.zeros(0, np.int64)
    images.append(EvaluatedImage(*empty, Detections.empty()))
    images.append(EvaluatedImage(*empty, images[0].detections))
    images.append(EvaluatedImage(images[1].true_xyxy, images[1].true_class_ids, Detections.empty()))
    return images


def evaluate(images: Iterable[EvaluatedImage], names: Sequence[str]) -> CocoMetrics:
    store = BoxStore()
    for image in images:
        store.add(*image)
    return compute_coco_metrics(store, names)


def reference(images: Sequence[EvaluatedImage], names: Sequence[str]) -> Any:
    """pycocotools on the same boxes, all classes at once, with the limits 1, 10 and 300."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def xywh(box: F64) -> list[float]:
        x1, y1, x2, y2 = box.tolist()
        return [x1, y1, x2 - x1, y2 - y1]

    truth: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for image_id, image in enumerate(images, 1):
        for box, class_id in zip(image.true_xyxy, image.true_class_ids, strict=True):
            x, y, w, h = xywh(box)
            truth.append(
                {
                    "id": len(truth) + 1,
                    "image_id": image_id,
                    "iscrowd": 0,
                    "category_id": int(class_id) + 1,
                    "bbox": [x, y, w, h],
                    "area": w * h,
                }
            )
        for one, score, class_id in image.detections:
            found.append(
                {
                    "image_id": image_id,
                    "category_id": class_id + 1,
                    "score": score,
                    "bbox": xywh(one.astype(np.float64)),
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": i} for i in range(1, len(images) + 1)],
            "annotations": truth,
            "categories": [{"id": i, "name": name} for i, name in enumerate(names, 1)],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(found), "bbox")
        evaluation.params.maxDets = [1, 10, 300]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


SETS = [
    pytest.param(seed, crowded, steps, id=f"{seed}-{'crowded' if crowded else 'sparse'}-{steps}")
    for seed, crowded, steps in [
        (0, False, 10**6),
        (1, False, 20),
        (2, True, 10**6),
        (3, True, 10),
        (4, False, 1),
    ]
]


@pytest.mark.parametrize(("seed", "crowded", "steps"), SETS)
def test_every_number_equals_that_of_pycocotools(seed: int, crowded: bool, steps: int) -> None:
    images = make_set(seed, crowded=crowded, score_steps=steps)
    metrics = evaluate(images, NAMES)
    evaluation = reference(images, NAMES)

    ours = metrics.overall
    # In the order of pycocotools' summary, whose AP is limited to maxDets = 100.
    precision, recall = evaluation.eval["precision"], evaluation.eval["recall"]
    numbers: list[Any] = [
        ours.map50,
        ours.map75,
        ours.map_small,
        ours.map_medium,
        ours.map_large,
        ours.ar_1,
        ours.ar_10,
        ours.ar,
        ours.ar_small,
        ours.ar_medium,
        ours.ar_large,
    ]
    np.testing.assert_allclose(numbers, evaluation.stats[1:], atol=1e-9)
    all_precision = precision[:, :, :, 0, 2]
    assert ours.map50_95 == pytest.approx(all_precision[all_precision > -1].mean(), abs=1e-9)
    assert len(metrics.classes) == len(NAMES)
    for i, row in enumerate(metrics.classes):
        if row.map50_95 is None:
            assert (precision[:, :, i] == -1).all()
            continue
        assert row.map50_95 == pytest.approx(precision[:, :, i, 0, 2].mean(), abs=1e-9)
        assert row.map50 == pytest.approx(precision[0, :, i, 0, 2].mean(), abs=1e-9)
        assert row.ar_10 == pytest.approx(recall[:, i, 0, 1].mean(), abs=1e-9)


@pytest.mark.parametrize(("seed", "crowded", "steps"), SETS)
def test_precision_and_recall_count_what_pycocotools_matches_at_iou_50(
    seed: int, crowded: bool, steps: int
) -> None:
    images = make_set(seed, crowded=crowded, score_steps=steps)
    metrics = evaluate(images, NAMES)
    evaluation = reference(images, NAMES)
    conf = metrics.overall.conf
    assert conf is not None
    per_image = len(images)
    assert any(row.boxes for row in metrics.classes)
    for i, row in enumerate(metrics.classes):
        # evalImgs: for each class, area range and image; the first area range is "all".
        results = [r for r in evaluation.evalImgs[i * 4 * per_image :][:per_image] if r]
        scores = np.concatenate([r["dtScores"] for r in results] or [[]])
        is_true = np.concatenate([r["dtMatches"][0] > 0 for r in results] or [[]])
        if row.boxes == 0:
            assert row.precision is row.recall is row.f1 is None
            continue
        found, true = (scores >= conf).sum(), is_true[scores >= conf].sum()
        assert row.precision == pytest.approx(true / found if found else 0)
        assert row.recall == pytest.approx(true / row.boxes)


def test_counts_are_of_images_and_boxes() -> None:
    images = make_set(1, crowded=False, score_steps=100)
    metrics = evaluate(images, NAMES)
    assert metrics.overall.boxes == sum(len(image.true_xyxy) for image in images)
    assert metrics.overall.images == sum(len(image.true_xyxy) > 0 for image in images)
    assert [row.name for row in metrics.classes] == list(NAMES)
    for i, row in enumerate(metrics.classes):
        assert row.boxes == sum(int((image.true_class_ids == i).sum()) for image in images)
        assert row.images == sum(i in image.true_class_ids for image in images)


def test_a_class_without_truth_is_none_and_outside_every_mean() -> None:
    images = make_set(0, crowded=False, score_steps=1000)
    metrics = evaluate(images, NAMES)
    unlabelled = metrics.classes[3]
    empty = [value for value in msgspec.structs.astuple(unlabelled)[3:] if value is not None]
    assert (unlabelled.images, unlabelled.boxes, empty) == (0, 0, [])
    values = [row.map50 for row in metrics.classes if row.map50 is not None]
    assert len(values) == 4
    assert metrics.overall.map50 == pytest.approx(sum(values) / 4)
    never_found = metrics.classes[4]
    assert (never_found.map50_95, never_found.recall, never_found.f1) == (0, 0, 0)


def test_perfect_detections_score_one() -> None:
    xyxy = np.array([[10.0, 10, 50, 50], [100, 100, 300, 300]])
    ids = np.array([0, 1])
    found = Detections(xyxy.astype(np.float32), np.array([0.9, 0.8], np.float32), ids)
    overall = evaluate([EvaluatedImage(xyxy, ids, found)], ("a", "b")).overall
    assert overall.map50_95 == pytest.approx(1)
    assert (overall.precision, overall.recall, overall.f1) == (1, 1, 1)
    assert overall.conf == pytest.approx(0.8)


def test_more_than_a_hundred_boxes_of_an_image_count() -> None:
    corner = np.arange(150.0)[:, None] * np.array([[20.0, 0.0]])
    xyxy = np.concatenate([corner, corner + 10], axis=1)
    ids = np.zeros(150, np.int64)
    scores = np.linspace(0.9, 0.1, 150).astype(np.float32)
    found = Detections(xyxy.astype(np.float32), scores, ids)
    overall = evaluate([EvaluatedImage(xyxy, ids, found)], ("a",)).overall
    assert overall.map50_95 == pytest.approx(1)
    assert overall.ar == 1


@pytest.mark.parametrize("with_image", [True, False])
def test_nothing_to_measure_is_none_everywhere(with_image: bool) -> None:
    image = EvaluatedImage(np.zeros((0, 4)), np.zeros(0, np.int64), Detections.empty())
    overall = evaluate([image] * with_image, ("a",)).overall
    assert set(msgspec.structs.astuple(overall)[3:]) == {None}


def test_class_ids_beyond_the_names_are_refused() -> None:
    image = EvaluatedImage(np.array([[0.0, 0, 9, 9]]), np.array([1]), Detections.empty())
    with pytest.raises(ValueError, match="below 1"):
        evaluate([image], ("a",))


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    metrics = evaluate(make_set(0, crowded=False, score_steps=10), NAMES)
    assert capfd.readouterr() == ("", "")
    assert json.loads(msgspec.json.encode(metrics))["classes"][3]["map50"] is None


def scored(rows: list[tuple[float, bool]], true_count: int) -> ScoredClass:
    return ScoredClass(
        np.array([score for score, _ in rows]), np.array([t for _, t in rows]), true_count
    )


def test_best_conf_keeps_what_raises_the_f1() -> None:
    # F1 by number of boxes kept: 2/4, 4/5, 4/6, 6/7, 6/8.
    one = scored([(0.9, True), (0.8, True), (0.7, False), (0.6, True), (0.5, False)], 3)
    assert find_best_conf([one]) == 0.6
    assert one.operate_at(0.6) == pytest.approx((0.75, 1.0, 6 / 7))


def test_equal_scores_are_kept_or_dropped_together() -> None:
    one = scored([(0.5, True), (0.5, False), (0.5, False), (0.9, True)], 2)
    assert one.operate_at(0.5)[0] == 0.5
    assert find_best_conf([one]) == 0.9


def test_one_threshold_serves_all_classes_best_on_average() -> None:
    sure = scored([(0.9, True), (0.4, False), (0.4, False), (0.4, False)], 1)
    unsure = scored([(0.45, True), (0.1, False)], 1)
    assert find_best_conf([sure, unsure]) == 0.45
    assert find_best_conf([sure]) == 0.9


def test_order_of_the_detections_does_not_matter() -> None:
    rows = [(0.2, True), (0.9, False), (0.5, True)]
    assert find_best_conf([scored(rows, 2)]) == find_best_conf([scored(rows[::-1], 2)])


def test_a_class_that_is_never_found_has_precision_zero() -> None:
    assert scored([], 3).operate_at(0.5) == (0, 0, 0)


@pytest.mark.parametrize("rows", [[], [(0.9, False), (0.1, False)]])
def test_where_nothing_is_right_what_a_person_sees_is_counted(
    rows: list[tuple[float, bool]],
) -> None:
    usual = ModelHead(output_name="", layout="", names=("cat",)).conf
    assert find_best_conf([scored(rows, 3)]) == USUAL_CONF == usual


def test_a_class_without_truth_is_refused() -> None:
    with pytest.raises(ValueError, match="recall"):
        scored([(0.5, False)], 0)


@pytest.mark.parametrize(
    ("scores", "right", "precision", "recall"),
    [
        ((0.9, 0.8, 0.7, 0.6), (1, 1, 0, 1), 0.75, 0.75),  # the last one pays for the third
        ((0.9, 0.8, 0.7, 0.6), (1, 1, 0, 1), 0.76, 0.5),
        ((0.9, 0.8, 0.7, 0.6), (1, 1, 0, 1), 1.0, 0.5),
        ((0.9, 0.8), (0, 1), 0.5, 0.25),
        ((0.9, 0.8), (0, 1), 0.51, 0.0),  # never reached
        ((0.9, 0.9, 0.5), (1, 0, 0), 0.9, 0.0),  # no confidence tells the first two apart
        ((0.9, 0.9, 0.5), (0, 1, 1), 0.6, 0.5),
        ((), (), 0.5, 0.0),
        (np.linspace(1, 0.1, 10), (1,) * 9 + (0,), 0.9, 1.0),  # nine tenths are 0.9, not less
    ],
)
def test_the_highest_recall_at_a_precision(
    scores: Sequence[float], right: Sequence[int], precision: float, recall: float
) -> None:
    count = 9 if len(right) == 10 else 4
    one = ScoredClass(np.array(scores, np.float64), np.array(right, np.bool_), count)
    assert one.find_recall(precision) == recall


@given(
    st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30),
    st.integers(1, 20).map(lambda share: share / 20),
)
def test_a_recall_is_that_of_the_best_confidence(
    found: list[tuple[int, bool]], precision: float
) -> None:
    scores = np.array([score / 5 for score, _ in found])
    one = ScoredClass(scores, np.array([right for _, right in found], np.bool_), 30)
    wanted = 0.0
    for conf in set(scores.tolist()):
        reached, recall, _ = one.operate_at(conf)
        wanted = max(wanted, recall if reached >= precision else 0)
    assert one.find_recall(precision) == wanted


def test_recalls_are_means_of_the_classes_that_have_true_boxes() -> None:
    images = make_set(0, crowded=False, score_steps=20)
    store = BoxStore()
    for image in images:
        store.add(*image)
    metrics = compute_coco_metrics(store, NAMES, (0.5, 0.9))
    known = [row.recall_at for row in metrics.classes if row.recall_at is not None]
    assert metrics.classes[3].recall_at is None, "it has no true box"
    assert len(known) == 4
    overall = metrics.overall.recall_at
    assert overall is not None
    assert list(overall) == ["0.5", "0.9"]
    assert overall["0.9"] == pytest.approx(np.mean([one["0.9"] for one in known]))
    assert 0 < overall["0.9"] < overall["0.5"]
    assert evaluate(images, NAMES).overall.recall_at is None, "none was asked for"
