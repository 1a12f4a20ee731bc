"""What a validation finds is kept in px of the image, whatever upstream did to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from yolokit.core.types import Detections
from yolokit.engine.recording import RecordingValidator, _measure, _record
from yolokit.engine.tasks import detect
from yolokit.engine_protocol.own_settings import OwnSettings
from yolokit.engine_protocol.validations import ValidatedImage
from yolokit.metrics.fitness import parse_fitness

from ultralytics.cfg import get_cfg  # isort: skip - after our edits
from ultralytics.utils.callbacks import get_default_callbacks  # isort: skip


def prepare(boxes: list[list[float]], classes: list[float]) -> dict[str, object]:
    # An image of 200x100 px in an input of 128 px: half of it, with 39 px of padding above.
    return {
        "im_file": "/set/a.jpg", "ori_shape": (100, 200), "imgsz": (128, 128),
        "ratio_pad": ((0.5, 0.5), (14, 39)),
        "bboxes": torch.tensor(boxes).reshape(-1, 4), "cls": torch.tensor(classes),
    }  # fmt: skip


def test_boxes_are_in_px_of_the_image_and_not_clipped() -> None:
    found = {
        "bboxes": torch.tensor([[14.0, 39.0, 24.0, 49.0], [4.0, 39.0, 24.0, 49.0]]),
        "conf": torch.tensor([0.25, 0.5]), "cls": torch.tensor([2.0, 1.0]),
    }  # fmt: skip
    image = _record(found, prepare([[24, 44, 34, 54]], [1]))
    assert (image.path, image.image_wh) == ("/set/a.jpg", (200, 100))
    np.testing.assert_array_equal(image.true_xyxy, [[20, 10, 40, 30]])
    np.testing.assert_array_equal(image.found.xyxy, [[-20, 0, 20, 20], [0, 0, 20, 20]])
    assert image.found.scores.tolist() == [0.5, 0.25], "best first"
    assert image.found.class_ids.tolist() == [1, 2]


def test_an_empty_image_is_one_and_no_detection_is_dropped() -> None:
    nothing = {"bboxes": torch.zeros(0, 4), "conf": torch.zeros(0), "cls": torch.zeros(0)}
    image = _record(nothing, prepare([], []))
    assert (len(image.true_class_ids), len(image.found)) == (0, 0)
    found = {
        "bboxes": torch.ones(9, 4), "conf": torch.arange(9) / 10, "cls": torch.zeros(9),
    }  # fmt: skip
    image = _record(found, prepare([], []))
    assert len(image.found) == 9, "metrics are of all of them; a file keeps the best"


def make_validated() -> list[ValidatedImage]:
    """Two images of class 0: a true box found first, then a false one, then a loose true one."""
    box = np.array([[0, 0, 100, 100]], np.float32)
    loose = np.array([[0, 0, 100, 60]], np.float32)
    kinds = ((box, 0.9), (box + 500, 0.8)), ((loose, 0.7),)
    return [
        ValidatedImage(
            "a.jpg", (640, 640), box, np.zeros(1, np.int64),
            Detections(
                np.concatenate([one for one, _ in found]),
                np.array([score for _, score in found], np.float32), np.zeros(len(found), np.int64),
            ),
        )
        for found in kinds
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "value", "key"),
    [
        ("map50-95", 0.6040, "metrics/mAP50-95(B)"),
        ("map50", 0.8350, "metrics/mAP50(B)"),
        ("recall@0.9", 0.5, "yolokit/recall@0.9"),
        ("recall@0.6", 1.0, "yolokit/recall@0.6"),
    ],
)
def test_an_epoch_is_judged_by_the_metric_that_is_asked_for(
    metric: str, value: float, key: str
) -> None:
    stats = _measure(make_validated(), ["a"], parse_fitness(metric))
    assert stats["fitness"] == stats[key] == pytest.approx(value, abs=1e-4)
    assert "metrics/mAP50-95(B)" in stats, "which every record has"
    assert len([name for name in stats if name.startswith("yolokit/")]) == key.count("yolokit")


@pytest.mark.parametrize("metric", ["map50-95", "recall@0.9"])
def test_where_nothing_is_labelled_an_epoch_is_judged_by_zero(metric: str) -> None:
    nothing = np.zeros((0, 4), np.float32), np.zeros(0, np.int64), Detections.empty()
    images = [ValidatedImage("a.jpg", (640, 640), *nothing)]
    stats = _measure(images, ["a"], parse_fitness(metric))
    assert set(stats.values()) == {0.0}
    assert set(stats) <= {"fitness", "yolokit/recall@0.9"}, "upstream's zeros stay"


def test_the_validator_of_a_training_is_told_what_to_judge_by(tmp_path: Path) -> None:
    trainer = detect.Trainer.__new__(detect.Trainer)
    trainer.own = OwnSettings(run_dir=str(tmp_path), fitness="recall@0.9")
    trainer.args, trainer.test_loader, trainer.save_dir = get_cfg(), None, tmp_path
    trainer.callbacks = get_default_callbacks()
    assert trainer.get_validator().fitness.name == "recall@0.9"
    assert RecordingValidator.fitness.name == "mAP50-95"
