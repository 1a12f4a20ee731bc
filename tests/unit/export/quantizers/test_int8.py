"""A file in INT8: integers in the network, float in what makes boxes, the same file each time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.unit.export.quantizers.graphs import Images, run, write_detector
from yolokit.core.events import Progress
from yolokit.errors import ExportError
from yolokit.export.quantizers import int8
from yolokit.export.quantizers.toolkit import QuantSettings

if TYPE_CHECKING:
    from pathlib import Path


def convert(tmp_path: Path, *, is_dynamic: bool = False, **settings: Any) -> Any:
    """Return the quantized model, which is written to ``int8.onnx``."""
    onnx = pytest.importorskip("onnx")
    src = write_detector(tmp_path / "full.onnx", is_dynamic=is_dynamic)
    int8.quantize(src, tmp_path / "int8.onnx", Images(), QuantSettings(**settings))
    return onnx.load(tmp_path / "int8.onnx")


@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
@pytest.mark.parametrize("placement", ["operators", "inputs"])
def test_outputs_are_near_those_of_fp32(method: str, placement: str, tmp_path: Path) -> None:
    convert(tmp_path, method=method, placement=placement)
    for tensor in Images():
        full, small = (run(tmp_path / f"{name}.onnx", tensor) for name in ("full", "int8"))
        assert 0 < np.abs(full - small)[:, 4:].mean() < 0.02
        assert np.abs(full - small)[:, :4].mean() < 0.5


def test_input_output_and_metadata_stay_and_weights_are_bytes(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    small, full = convert(tmp_path), onnx.load(tmp_path / "full.onnx")
    assert small.graph.input == full.graph.input
    assert small.graph.output == full.graph.output
    assert small.metadata_props == full.metadata_props
    kinds = {one.name: one.data_type for one in small.graph.initializer}
    assert kinds["w0_quantized"] == kinds["w1_quantized"] == onnx.TensorProto.INT8
    assert kinds["w2"] == onnx.TensorProto.FLOAT, "the last convolutions give boxes and scores"


def test_the_placement_decides_what_is_rounded(tmp_path: Path) -> None:
    pairs = {}
    for placement in ("operators", "inputs"):
        graph = convert(tmp_path, placement=placement).graph
        pairs[placement] = Counter(node.op_type for node in graph.node)
    assert pairs["inputs"]["QuantizeLinear"] == 2, "what goes into two convolutions"
    assert pairs["operators"]["QuantizeLinear"] > 2


def test_signs_and_channels_are_as_set(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    small = convert(tmp_path, symmetric_activations=True, per_channel=False)
    points = {
        one.name: onnx.numpy_helper.to_array(one)
        for one in small.graph.initializer
        if one.name.endswith("_zero_point")
    }
    assert all(
        values.dtype in (np.int8, np.int32) and not values.any() for values in points.values()
    )
    assert points["w0_zero_point"].shape == ()
    channels = convert(tmp_path)
    (scale,) = (one for one in channels.graph.initializer if one.name == "w0_scale")
    assert list(scale.dims) == [8]


def test_nodes_that_are_named_stay_in_float(tmp_path: Path) -> None:
    small = convert(tmp_path, float_nodes=("/model.1/conv/Conv",))
    names = {one.name for one in small.graph.initializer}
    assert {"w0_quantized", "w1"} <= names
    assert "w1_quantized" not in names


def test_any_batch_and_size_goes_on_working(tmp_path: Path) -> None:
    convert(tmp_path, is_dynamic=True)
    tensor = np.random.default_rng(0).random((3, 3, 64, 32)).astype(np.float32)
    full, small = (run(tmp_path / f"{name}.onnx", tensor) for name in ("full", "int8"))
    assert small.shape == full.shape == (3, 6, 128)
    assert np.abs(full - small)[:, 4:].mean() < 0.02


def test_the_same_images_give_the_same_file_and_nothing_is_printed_or_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    files = []
    for _ in range(2):
        convert(tmp_path, method="entropy")
        files.append((tmp_path / "int8.onnx").read_bytes())
    assert files[0] == files[1]
    assert not list((tmp_path / "here").iterdir())
    assert capfd.readouterr() == ("", "")


def test_progress_is_told_and_an_end_in_it_leaves_no_file(tmp_path: Path) -> None:
    src = write_detector(tmp_path / "full.onnx")
    told: list[Any] = []
    int8.quantize(src, tmp_path / "int8.onnx", Images(), QuantSettings(), told.append)
    assert told == [Progress("calibrating", done, 8) for done in range(1, 9)]

    def stop(_event: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        int8.quantize(src, tmp_path / "second.onnx", Images(), QuantSettings(), stop)
    assert not (tmp_path / "second.onnx").exists()


def test_without_images_or_operators_there_is_no_int8(tmp_path: Path) -> None:
    src = write_detector(tmp_path / "full.onnx")
    with pytest.raises(ExportError, match="needs images to calibrate on"):
        int8.quantize(src, tmp_path / "int8.onnx", None, QuantSettings())
    with pytest.raises(ExportError, match="no operator that INT8 is for"):
        int8.quantize(src, tmp_path / "int8.onnx", Images(), QuantSettings(op_types=("Gemm",)))
