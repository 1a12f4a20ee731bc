from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from yolokit.core.types import Detections
from yolokit.datasets.data_yaml import load_data_yaml
from yolokit.datasets.splits import iter_split
from yolokit.errors import ConfigError, DataError
from yolokit.evaluate.run import THRESHOLDS, EvaluationResult, evaluate_model, map_classes
from yolokit.runtime.predictor import Predictor, PredictorSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[..., Path]

BOX = (16, 16, 48, 48)
ROW = "{} 0.5 0.5 0.5 0.5\n"  # the same box, as a label


def load(model: Path) -> Predictor:
    spec = PredictorSpec(model=str(model), provider="cpu", threads=1, thresholds=THRESHOLDS)
    return Predictor.load(spec)


def evaluate(
    model: Path, data: Path, on_progress: Callable[[int], None] = lambda _done: None
) -> EvaluationResult:
    yaml = load_data_yaml(data)
    images = iter_split(yaml, "val")
    return evaluate_model(load(model), images, yaml.names, unreadable=[], on_progress=on_progress)


def test_a_model_that_finds_what_is_labelled_scores_one(make_model: Make, make_data: Make) -> None:
    model = make_model([BOX], [[0.9]], "nut")
    data = make_data({"a": ROW.format(0), "b": ROW.format(0)}, "nut")
    steps: list[int] = []
    result = evaluate(model, data, steps.append)
    overall = result.metrics.overall
    assert overall.map50_95 == pytest.approx(1)
    assert (overall.precision, overall.recall, overall.boxes) == (1, 1, 2)
    assert (result.images, steps, result.extra_classes) == (2, [1, 2], ())


def test_background_images_count_their_false_alarms(make_model: Make, make_data: Make) -> None:
    model = make_model([BOX], [[0.9]], "nut")
    result = evaluate(model, make_data({"a": ROW.format(0), "b": ""}, "nut"))
    assert (result.images, result.metrics.overall.images) == (2, 1)
    assert result.metrics.overall.precision == 0.5


def test_classes_are_matched_by_name_not_by_index(make_model: Make, make_data: Make) -> None:
    model = make_model([BOX], [[0, 0.9, 0]], "bolt", "nut", "cat")
    result = evaluate(model, make_data({"a": ROW.format(0)}, "nut", "bolt"))
    assert [row.map50 for row in result.metrics.classes] == [pytest.approx(1), None]
    assert result.extra_classes == ("cat",)


def test_a_class_that_the_model_lacks_is_an_error_before_any_image_is_read(
    make_model: Make, make_data: Make
) -> None:
    model, data = make_model([BOX], [[0.9]], "nut"), make_data({"a": ""}, "nut", "bolt")
    (data.parent / "images" / "val" / "a.png").write_bytes(b"no image")
    with pytest.raises(ConfigError, match="'bolt'"):
        evaluate(model, data)


def test_every_class_of_an_anchor_counts(make_model: Make, make_data: Make) -> None:
    model = make_model([BOX], [[0.9, 0.8]], "nut", "bolt")
    result = evaluate(model, make_data({"a": ROW.format(0) + ROW.format(1)}, "nut", "bolt"))
    assert [row.map50 for row in result.metrics.classes] == [pytest.approx(1)] * 2


def test_boxes_are_measured_as_the_model_puts_them_out(make_model: Make, make_data: Make) -> None:
    # Clipped to the image, this box would fit the label exactly.
    model = make_model([(-40, 0, 32, 64)], [[0.9]], "nut")
    result = evaluate(model, make_data({"a": "0 0.25 0.5 0.5 1\n"}, "nut"))
    assert result.metrics.overall.map50 == 0


def test_an_unreadable_image_is_an_error_with_its_path(make_model: Make, make_data: Make) -> None:
    model = make_model([BOX], [[0.9]], "nut")
    data = make_data({stem: ROW.format(0) for stem in "abcdefgh"}, "nut")
    broken = data.parent / "images" / "val" / "d.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(DataError) as caught:
        evaluate(model, data)
    assert Path(str(caught.value.path)).name == "d.png"
    assert not [thread for thread in threading.enumerate() if "yolokit" in thread.name]


def test_an_image_of_another_size_than_its_labels_is_an_error(
    make_model: Make, make_data: Make
) -> None:
    yaml = load_data_yaml(make_data({"a": ROW.format(0)}, "nut"))
    images = list(iter_split(yaml, "val"))
    cv2.imwrite(str(images[0].image.path), np.zeros((32, 64, 3), np.uint8))
    predictor = load(make_model([BOX], [[0.9]], "nut"))
    with pytest.raises(DataError, match="is 64x32 px, but its labels are for 64x64"):
        evaluate_model(predictor, images, yaml.names, unreadable=[])


def test_no_image_at_all_is_an_error(make_model: Make) -> None:
    predictor = load(make_model([BOX], [[0.9]], "nut"))
    with pytest.raises(DataError, match="no image"):
        evaluate_model(predictor, [], ["nut"], unreadable=[])
    assert not [thread for thread in threading.enumerate() if "yolokit" in thread.name]


def test_an_error_of_the_caller_ends_the_threads(make_model: Make, make_data: Make) -> None:
    def interrupt(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    model = make_model([BOX], [[0.9]], "nut")
    data = make_data({stem: ROW.format(0) for stem in "abcdefgh"}, "nut")
    with pytest.raises(KeyboardInterrupt) as caught:
        evaluate(model, data, interrupt)
    assert caught.tb is not None  # which holds what is not closed
    assert not [thread for thread in threading.enumerate() if "yolokit" in thread.name]


def detections(class_ids: list[int]) -> Detections:
    count = len(class_ids)
    xyxy = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
    return Detections(xyxy, np.linspace(0.9, 0.1, count).astype(np.float32), np.array(class_ids))


def test_the_order_of_the_classes_does_not_matter() -> None:
    mapped = map_classes(["nut", "bolt"], ["bolt", "nut"])
    assert mapped.apply(detections([0, 1, 0])).class_ids.tolist() == [1, 0, 1]
    assert mapped.extra == ()


def test_detections_of_classes_without_labels_are_left_out_and_named() -> None:
    mapped = map_classes(["person", "car", "dog"], ["car"])
    kept = mapped.apply(detections([0, 1, 2, 1]))
    assert kept.class_ids.tolist() == [0, 0]
    np.testing.assert_array_equal(kept.xyxy, [[4, 5, 6, 7], [12, 13, 14, 15]])
    np.testing.assert_allclose(kept.scores, detections([0, 1, 2, 1]).scores[[1, 3]])
    assert mapped.extra == ("person", "dog")


def test_every_class_that_the_model_lacks_is_named_with_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        map_classes(["RBC", "WBC"], ["rbc", "WBC", "Platelets"])
    assert caught.value.problems == (
        "the model does not know the class 'rbc' of the data set: it has 'RBC'",
        "the model does not know the class 'Platelets' of the data set",
    )
    assert "RBC, WBC" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("model", "data", "side"), [(["a", "a"], ["a"], "model"), (["a"], ["a", "a"], "data set")]
)
def test_a_name_for_two_classes_is_refused(model: list[str], data: list[str], side: str) -> None:
    with pytest.raises(ConfigError, match=f"the {side} has several classes called 'a'"):
        map_classes(model, data)


def test_no_detections_stay_none() -> None:
    assert len(map_classes(["a"], ["a"]).apply(Detections.empty())) == 0
