"""What a validation finds is kept in px of the image, whatever upstream did to it."""

from __future__ import annotations

import numpy as np
import torch

from yolokit.engine.recording import _record


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
