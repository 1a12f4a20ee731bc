"""A file in FP16: half as large, fed and read as the FP32 one, its boxes exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.unit.export.quantizers.graphs import DECODER, Images, run, write_detector
from yolokit.errors import ExportError
from yolokit.export.quantizers import fp16
from yolokit.export.quantizers.toolkit import QuantSettings

if TYPE_CHECKING:
    from pathlib import Path


def convert(tmp_path: Path, settings: QuantSettings | None = None, **options: bool) -> Any:
    """Return the converted model, which is written to ``half.onnx``."""
    onnx = pytest.importorskip("onnx")
    src = write_detector(tmp_path / "full.onnx", **options)
    fp16.quantize(src, tmp_path / "half.onnx", None, settings or QuantSettings())
    return onnx.load(tmp_path / "half.onnx")


def test_input_output_and_metadata_stay(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    half, full = convert(tmp_path), onnx.load(tmp_path / "full.onnx")
    assert half.graph.input == full.graph.input
    assert half.graph.output == full.graph.output
    assert half.metadata_props == full.metadata_props


def test_outputs_are_near_those_of_fp32(tmp_path: Path) -> None:
    convert(tmp_path)
    for tensor in Images():
        full, half = (run(tmp_path / f"{name}.onnx", tensor) for name in ("full", "half"))
        assert half.dtype == np.float32
        assert 0 < np.abs(full - half).max() < 0.05


def test_weights_are_halves_and_a_value_is_cast_once(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    half = convert(tmp_path)
    kinds = {one.name: one.data_type for one in half.graph.initializer}
    assert {name for name in kinds if name.startswith(("w", "b"))} == {
        f"{name}//fp16" for name in ("w0", "w1", "w2", "b0", "b1", "b2")
    }
    assert all(kind == onnx.TensorProto.FLOAT16 for name, kind in kinds.items() if "//" in name)
    assert kinds["stride"] == onnx.TensorProto.FLOAT
    casts = [node.input[0] for node in half.graph.node if node.op_type == "Cast"]
    assert casts == ["images", "raw"]


def test_the_decoder_and_nodes_that_are_named_compute_in_float32(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    settings = QuantSettings(float_nodes=("/model.1/conv/Conv",))
    model = onnx.shape_inference.infer_shapes(convert(tmp_path, settings), strict_mode=True)
    kinds = {one.name: one.type.tensor_type.elem_type for one in model.graph.value_info}
    outputs = {node.name: node.output[0] for node in model.graph.node}
    for name in (*DECODER[:-1], "/model.1/conv/Conv"):
        assert kinds[outputs[name]] == onnx.TensorProto.FLOAT, name
    assert kinds[outputs["/model.0/conv/Conv"]] == onnx.TensorProto.FLOAT16


def test_any_batch_and_size_goes_on_working(tmp_path: Path) -> None:
    convert(tmp_path, is_dynamic=True)
    tensor = np.random.default_rng(0).random((3, 3, 64, 32)).astype(np.float32)
    full, half = (run(tmp_path / f"{name}.onnx", tensor) for name in ("full", "half"))
    assert half.shape == full.shape == (3, 6, 128)
    assert np.abs(full - half).max() < 0.05


def test_weights_that_are_too_large_are_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = write_detector(tmp_path / "full.onnx")
    model = onnx.load(path)
    weight = next(one for one in model.graph.initializer if one.name == "w1")
    huge = onnx.numpy_helper.to_array(weight) * np.float32(1e6)
    weight.CopyFrom(onnx.numpy_helper.from_array(huge, "w1"))
    onnx.save(model, path)
    with pytest.raises(ExportError, match="the weights w1 are too large for FP16"):
        fp16.quantize(path, tmp_path / "half.onnx", None, QuantSettings())
    assert not (tmp_path / "half.onnx").exists()
