"""A detector from file to boxes, through a real onnxruntime session."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import yolokit
from tests.unit.runtime.conftest import ULTRALYTICS
from yolokit.errors import ModelOutputError
from yolokit.runtime.detector import Detector
from yolokit.runtime.manifest import (
    METADATA_KEY,
    ModelHead,
    ModelIO,
    ModelManifest,
    encode_manifest,
)

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.core.types import U8


def grey(level: int = 255, width: int = 64, height: int = 64) -> U8:
    return np.full((height, width, 3), level, np.uint8)


def own_manifest(**io: Any) -> dict[str, str]:
    values = {"input_name": "images", "shape": (1, 3, 64, 64), "input_wh": (64, 64)} | io
    manifest = ModelManifest(
        io=ModelIO(**values),
        head=ModelHead(output_name="output0", layout="raw", names=("a", "b"), conf=0.85),
    )
    return {METADATA_KEY: encode_manifest(manifest)}


def test_the_public_way(make_model: Any) -> None:
    model = yolokit.load(make_model(), threads=1)
    found = model(grey())
    assert found.xyxy.tolist() == [[8, 8, 24, 24], [32, 16, 64, 48]]
    assert found.class_ids.tolist() == [0, 1]
    assert model.names == ("nut", "bolt")
    assert (model.provider, model.precision, model.threads) == ("openvino", "fp32", 1)


def test_boxes_are_in_pixels_of_the_image(make_model: Any) -> None:
    found = Detector.load(make_model(), threads=1)(grey(width=128, height=64))
    # Twice the size, 16 px of border above.
    assert found.xyxy.tolist() == [[16, 0, 48, 16], [64, 0, 128, 64]]


def test_the_pixels_arrive(bright_model: Path) -> None:
    detector = Detector.load(bright_model, threads=1)
    np.testing.assert_allclose(detector(grey(255)).scores, [0.9, 0.8], rtol=1e-5)
    np.testing.assert_allclose(detector(grey(128)).scores, [0.452, 0.402], atol=1e-3)
    assert len(detector(grey(0))) == 0


def test_thresholds_come_from_the_model_unless_given(make_model: Any) -> None:
    detector = Detector.load(make_model(metadata=own_manifest()), threads=1)
    assert len(detector(grey())) == 1
    assert len(detector(grey(), conf=0.5)) == 2
    assert len(detector(grey(), conf=0.0, iou=1.0)) == 2
    assert len(detector(grey(), conf=0.5, max_det=1)) == 1


def test_the_steps_are_public_and_equal_the_whole(bright_model: Path) -> None:
    detector = Detector.load(bright_model, threads=1)
    tensor, letterbox = detector.preprocess(grey(200))
    assert tensor.shape == (1, 3, 64, 64)
    (outputs,) = detector.infer(tensor)
    assert {name: output.shape for name, output in outputs.items()} == {"output0": (6, 2)}
    found = detector.decode(outputs, letterbox, conf=0.1, iou=0.7, max_det=300)
    whole = detector(grey(200), conf=0.1)
    np.testing.assert_array_equal(found.xyxy, whole.xyxy)
    several = detector.decode(outputs, letterbox, conf=0.05, multi_label=True)
    assert len(several) == 4


@pytest.mark.parametrize("layout", ["raw", "end2end"])
def test_each_class_has_its_own_score_unless_one_is_asked_for(make_model: Any, layout: str) -> None:
    rows = np.array([[[8, 8, 24, 24, 0.9, 0], [32, 16, 64, 48, 0.8, 1]]], np.float32)
    kind: dict[str, Any] = {} if layout == "raw" else {"table": rows, "score_axis": 2}

    def load(*class_conf: float) -> Detector:
        manifest = ModelManifest(
            io=ModelIO(input_name="images", shape=(1, 3, 64, 64), input_wh=(64, 64)),
            head=ModelHead(
                output_name="output0", layout=layout, names=("a", "b"), class_conf=class_conf
            ),
        )
        metadata = {METADATA_KEY: encode_manifest(manifest)}
        return Detector.load(make_model(metadata=metadata, **kind), threads=1)

    assert load()(grey()).class_ids.tolist() == [0, 1]
    assert load(0.95, 0.5)(grey()).class_ids.tolist() == [1]
    assert load(0.5, 0.95)(grey()).class_ids.tolist() == [0]
    assert load(0.95, 0.95)(grey(), conf=0.25).class_ids.tolist() == [0, 1], "it was asked for"


def test_an_end_to_end_head(make_model: Any) -> None:
    rows = np.array([[[8, 8, 24, 24, 0.9, 1], [0, 0, 9, 9, 0.4, 0], [0] * 6]], np.float32)
    detector = Detector.load(make_model(rows, score_axis=2), threads=1)
    assert detector.manifest.head.layout == "end2end"
    found = detector(grey())
    assert found.class_ids.tolist() == [1, 0]
    assert detector(grey(), conf=0.5).xyxy.tolist() == [[8, 8, 24, 24]]


def test_what_an_nms_inside_leaves_out_is_explained(make_model: Any) -> None:
    rows = np.array([[[8, 8, 24, 24, 0.9, 1], [0] * 6]], np.float32)
    inside = ULTRALYTICS | {"args": "{'nms': True}"}
    detector = Detector.load(make_model(rows, metadata=inside, score_axis=2), threads=1)
    words = " / ".join(detector.explain_limits(conf=0.1, iou=0.5, max_det=300))
    assert "conf 0.1 has no effect below 0.25" in words
    assert "iou 0.5 has no effect" in words
    assert "at most 2 boxes in an image" in words
    assert detector.explain_limits(conf=0.25, iou=None, max_det=2) == []
    raw = Detector.load(make_model(), threads=1)
    assert raw.explain_limits(conf=0.001, iou=0.5, max_det=1000) == []


def test_a_dynamic_model_gets_a_rectangle(make_model: Any) -> None:
    model = make_model(input_shape=("batch", 3, "height", "width"), output_shape=("batch", 6, "n"))
    detector = Detector.load(model, threads=1)
    tensor, _ = detector.preprocess(grey(width=64, height=20))
    assert tensor.shape == (1, 3, 32, 64)
    batch = np.concatenate([tensor, tensor, tensor])
    assert [outputs["output0"].shape for outputs in detector.infer(batch)] == [(6, 2)] * 3


def test_a_fixed_batch_is_filled_up(make_model: Any) -> None:
    table = np.repeat(np.zeros((1, 6, 2), np.float32), 4, axis=0)
    model = make_model(table, input_shape=(4, 3, 64, 64))
    detector = Detector.load(model, threads=1)
    tensor, _ = detector.preprocess(grey())
    assert [outputs["output0"].shape for outputs in detector.infer(tensor)] == [(6, 2)]


def test_an_output_that_is_no_batch(make_model: Any) -> None:
    table = np.repeat(np.zeros((1, 6, 2), np.float32), 2, axis=0)
    model = make_model(table, output_shape=("batch", 6, 2))
    detector = Detector.load(model, threads=1)
    with pytest.raises(ModelOutputError, match=r"input of 1 image gave an output of shape \(2,"):
        detector.infer(detector.preprocess(grey())[0])


def test_an_output_of_other_classes(make_model: Any) -> None:
    detector = Detector.load(make_model(), threads=1)
    _, letterbox = detector.preprocess(grey())
    with pytest.raises(ModelOutputError, match="2 classes need 6 rows of output, not 7"):
        detector.decode({"output0": np.zeros((7, 3), np.float32)}, letterbox)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((0, 9, 3), np.uint8),
    ],
)
def test_what_is_no_image(bright_model: Path, image: Any) -> None:
    with pytest.raises(ValueError, match=r"an image is \(H, W, 3\) uint8 BGR"):
        Detector.load(bright_model, threads=1)(image)


def test_several_threads_may_share_one(bright_model: Path) -> None:
    detector = Detector.load(bright_model, threads=1)
    levels = list(range(100, 256, 5))
    found: dict[int, float] = {}

    def work(level: int) -> None:
        found[level] = float(detector(grey(level)).scores[0])

    threads = [threading.Thread(target=work, args=(level,)) for level in levels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(
        [found[n] for n in levels], [0.9 * n / 255 for n in levels], rtol=1e-4
    )
