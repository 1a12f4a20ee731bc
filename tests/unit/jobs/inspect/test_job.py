"""Maps that cannot be drawn: the message names the model that was given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from yolokit.errors import ConfigError, InferenceError
from yolokit.jobs.inspect.config import InspectConfig
from yolokit.jobs.inspect.job import inspect_model

CONV = helper.make_node("Conv", ["images", "w"], ["a"], name="stem", pads=[1, 1, 1, 1])
CLASSIFIER = [
    CONV,
    helper.make_node("GlobalAveragePool", ["a"], ["p"], name="pool"),
    helper.make_node("Flatten", ["p"], ["out"], name="flat"),
]


def save(folder: Path, nodes: Sequence[Any], side_px: int = 64, *, elsewhere: bool = False) -> Path:
    path = folder / "model.onnx"
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side_px, side_px])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    weights = [numpy_helper.from_array(np.ones((8, 3, 3, 3), np.float32), "w")]
    graph = helper.make_graph(list(nodes), "g", [images], [out], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, str(path), save_as_external_data=elsewhere, size_threshold=0)
    return path


def draw(model: Path, *layers: str) -> None:
    image = model.parent / "image.png"
    cv2.imwrite(str(image), np.zeros((40, 60, 3), np.uint8))
    inspect_model(
        InspectConfig(model=model, image=image, layers=layers, out=model.parent / "maps.png")
    )


def test_a_layer_with_maps_is_drawn(tmp_path: Path) -> None:
    draw(save(tmp_path, CLASSIFIER), "stem")
    assert (tmp_path / "maps.png").is_file()


def test_a_model_without_a_known_head_asks_for_layers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.onnx feed a head is not known"):
        draw(save(tmp_path, CLASSIFIER))


def test_a_layer_that_makes_no_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'flat' makes no map: its output is 1x8"):
        draw(save(tmp_path, CLASSIFIER), "flat")


def test_an_input_that_no_memory_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match="too large"):
        draw(save(tmp_path, CLASSIFIER, 1 << 40), "stem")


def test_weights_in_other_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match="keeps its weights in other files"):
        draw(save(tmp_path, CLASSIFIER, elsewhere=True), "stem")


def test_what_the_runtime_refuses_is_said_of_the_model_itself(tmp_path: Path) -> None:
    broken = helper.make_node("Add", ["a", "nowhere"], ["out"], name="sum")
    with pytest.raises(InferenceError, match=r"model\.onnx could not be loaded") as caught:
        draw(save(tmp_path, [CONV, broken]), "stem")
    assert "with-outputs" not in str(caught.value)
