"""What each module loses in 8 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.unit.export.quantizers.graphs import Images, write_detector
from yolokit.core.events import Progress
from yolokit.export.quantizers.toolkit import QuantSettings
from yolokit.export.sensitivity import sensitivity

if TYPE_CHECKING:
    from pathlib import Path


def test_the_module_that_loses_most_comes_first(tmp_path: Path) -> None:
    """One channel's weights are made far larger: with one scale for all, the others are lost."""
    onnx = pytest.importorskip("onnx")
    path = write_detector(tmp_path / "full.onnx")
    model = onnx.load(path)
    weight = next(one for one in model.graph.initializer if one.name == "w1")
    values = onnx.numpy_helper.to_array(weight).copy()
    values[0] *= 200
    weight.CopyFrom(onnx.numpy_helper.from_array(values, "w1"))
    last = next(one for one in model.graph.initializer if one.name == "w2")
    ignoring = onnx.numpy_helper.to_array(last).copy()
    ignoring[:, 0] = 0
    last.CopyFrom(onnx.numpy_helper.from_array(ignoring, "w2"))
    onnx.save(model, path)
    told: list[Any] = []
    settings = QuantSettings(per_channel=False, placement="inputs")
    found = sensitivity(path, Images(), settings, told.append)
    assert [one.name for one in found] == ["model.1", "model.0"]
    assert found[0].error > 5 * found[1].error > 0
    assert found[0].nodes == ("/model.1/conv/Conv", "/model.1/act/Sigmoid", "/model.1/act/Mul")
    assert told[-1] == Progress("comparing modules", 2, 2, "modules")


def test_what_stays_in_float_is_not_among_them(tmp_path: Path) -> None:
    path = write_detector(tmp_path / "full.onnx")
    kept = ("/model.1/conv/Conv", "/model.1/act/Sigmoid", "/model.1/act/Mul")
    found = sensitivity(path, Images(), QuantSettings(float_nodes=kept))
    assert [one.name for one in found] == ["model.0"]
    assert 0 < found[0].score_error < 0.05
    assert 0 < found[0].box_error < 1
    assert np.isfinite(found[0].error)
