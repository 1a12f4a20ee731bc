"""The layers of small graphs, whose figures are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from yolokit.engine_protocol.inspection import Layer, Network
from yolokit.errors import ConfigError, InferenceError
from yolokit.jobs.inspect.onnx_layers import list_layers, read_graph, write_with_outputs


def weight(name: str, *shape: int) -> Any:
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def save(
    path: Path, nodes: Sequence[Any], weights: Sequence[Any], size: Sequence[int | str] = (64, 96)
) -> Path:
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, *size])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "g", [images], [out], list(weights))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, str(path))
    return path


def read(path: Path, imgsz: int | None = None) -> Network:
    return list_layers(read_graph(path, imgsz), path)


NODES = [
    helper.make_node(
        "Conv", ["images", "w0", "b0"], ["a"], name="stem", strides=[2, 2], pads=[1, 1, 1, 1]
    ),
    helper.make_node("Relu", ["a"], ["b"], name="act"),
    helper.make_node("MaxPool", ["b"], ["c"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
    helper.make_node("Conv", ["c", "w1"], ["d"], name="deep", group=8, pads=[2, 2, 2, 2],
                     dilations=[2, 2]),
    helper.make_node("Resize", ["d", "", "factors"], ["e"], name="up", mode="nearest"),
    helper.make_node("Concat", ["e", "b"], ["out"], name="join", axis=1),
]  # fmt: skip
WEIGHTS = [
    weight("w0", 8, 3, 3, 3),
    weight("b0", 8),
    weight("w1", 8, 1, 3, 3),
    numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "factors"),
]


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return read(save(tmp_path / "m.onnx", NODES, WEIGHTS))


def named(network: Network, name: str) -> Layer:
    return next(layer for layer in network.layers if layer.name == name)


def test_a_convolution_with_all_that_it_has(network: Network) -> None:
    assert named(network, "stem") == Layer(
        name="stem", type="Conv", kernel=(3, 3), stride=(2, 2), padding=(1, 1),
        shape=(1, 8, 32, 48), field_px=3, stride_px=2, parameters=8 * 27 + 8,
        flops=2 * 32 * 48 * 8 * 27,
    )  # fmt: skip


def test_groups_and_dilation_count(network: Network) -> None:
    deep = named(network, "deep")
    assert (deep.groups, deep.parameters) == (8, 72)
    assert deep.flops == 2 * 16 * 24 * 72
    assert (deep.field_px, deep.stride_px) == (3 + 2 + 2 * 2 * 4, 4)


def test_what_is_joined_sees_the_widest_and_is_as_dense_as_the_finest(network: Network) -> None:
    assert (named(network, "up").stride_px, named(network, "up").shape) == (2, (1, 8, 32, 48))
    joined = named(network, "join")
    assert (joined.field_px, joined.stride_px, joined.shape) == (21, 2, (1, 16, 32, 48))


def test_totals_are_the_sums(network: Network) -> None:
    assert network.parameters == 8 * 27 + 8 + 72
    assert network.flops == sum(layer.flops for layer in network.layers)
    assert network.input_shape == (1, 3, 64, 96)


def test_open_axes_take_the_size_that_is_asked_for(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", NODES, WEIGHTS, ("height", "width"))
    assert read(path, 320).input_shape == (1, 3, 320, 320)
    assert read(path).input_shape == (1, 3, 640, 640)
    assert named(read(path, 320), "stem").shape == (1, 8, 160, 160)


def test_a_fixed_size_cannot_be_changed(tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", NODES, WEIGHTS)
    with pytest.raises(ConfigError, match="inputs of 96x64 px alone, not of 320"):
        read_graph(path, 320)


def test_the_product_of_two_maps_sees_everything(tmp_path: Path) -> None:
    nodes = [
        *NODES[:1],
        helper.make_node("Transpose", ["a"], ["t"], name="turn", perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["a", "t"], ["out"], name="attend"),
    ]
    network = read(save(tmp_path / "m.onnx", nodes, WEIGHTS[:2]))
    attend = named(network, "attend")
    assert (attend.field_px, attend.flops) == (None, 2 * 8 * 32 * 32 * 48)


def test_what_concerns_shapes_alone_is_no_layer(tmp_path: Path) -> None:
    nodes = [
        *NODES[:1],
        helper.make_node("Shape", ["a"], ["s"], name="shape"),
        helper.make_node("Reshape", ["a", "s"], ["out"], name="same"),
    ]
    network = read(save(tmp_path / "m.onnx", nodes, WEIGHTS[:2]))
    assert [layer.name for layer in network.layers] == ["stem", "same"]


def test_a_map_of_any_layer_can_be_asked_for(tmp_path: Path) -> None:
    from yolokit.runtime.session import open_session

    graph = read_graph(save(tmp_path / "m.onnx", NODES, WEIGHTS), None)
    path, outputs = write_with_outputs(graph, ["stem", "join"], tmp_path)
    session = open_session(path, provider="cpu")
    values = session.run({"images": np.ones((1, 3, 64, 96), np.float32)}, list(outputs.values()))
    assert values[outputs["stem"]].shape == (1, 8, 32, 48)
    assert values[outputs["stem"]][0, 0, 5, 5] == 27 + 1
    assert values[outputs["join"]].shape == (1, 16, 32, 48)


@pytest.mark.parametrize("content", [b"", b"\x08\x07no graph", b"\xff" * 99])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(InferenceError, match=r"m\.onnx"):
        read_graph(path, None)


ODD = {
    "no output": helper.make_node("Conv", ["images", "w0"], []),
    "no input": helper.make_node("Conv", [], ["out"]),
    "no kernel": helper.make_node("MaxPool", ["images"], ["out"]),
    "short pads": helper.make_node("Conv", ["images", "w0"], ["out"], pads=[1]),
    "words for numbers": helper.make_node("Conv", ["images", "w0"], ["out"], pads="two"),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_graph_that_cannot_be_is_refused(tmp_path: Path, odd: Any) -> None:
    path = save(tmp_path / "m.onnx", [odd], WEIGHTS)
    with pytest.raises(InferenceError, match=r"m\.onnx has a broken graph"):
        read(path)


def test_factors_and_strides_of_zero_change_nothing(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConvTranspose", ["images", "w"], ["a"], name="grow", strides=[0, 0]),
        helper.make_node("Resize", ["a", "", "none"], ["out"], name="shrink"),
    ]
    none = numpy_helper.from_array(np.zeros(4, np.float32), "none")
    network = read(save(tmp_path / "m.onnx", nodes, [weight("w", 3, 8, 3, 3), none]))
    assert [layer.stride_px for layer in network.layers] == [1, 1]


def test_more_than_protobuf_can_read_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    with path.open("wb") as stream:
        stream.truncate(10 << 30)  # a hole: it takes no place on the disk
    with pytest.raises(InferenceError, match="larger than"):
        read_graph(path, None)
