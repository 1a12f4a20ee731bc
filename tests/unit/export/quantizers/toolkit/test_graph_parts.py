"""The parts of a network are found by its structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.export.quantizers.graphs import DECODER, LEARNED, write_detector
from yolokit.errors import ExportError
from yolokit.export.quantizers.toolkit.graph_parts import (
    find_decoder,
    find_head,
    find_outermost,
    group_by_module,
    iter_float_values,
    load_graph,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_the_decoder_is_what_follows_the_last_learned_convolution(tmp_path: Path) -> None:
    graph = load_graph(write_detector(tmp_path / "full.onnx")).graph
    assert find_decoder(graph) == DECODER
    assert find_outermost(graph) == (LEARNED[-1], *DECODER)


def test_a_convolution_without_a_bias_belongs_to_the_decoder(tmp_path: Path) -> None:
    """That is how distances of a DFL head are averaged."""
    onnx = pytest.importorskip("onnx")
    path = write_detector(tmp_path / "full.onnx")
    model = onnx.load(path)
    node = next(node for node in model.graph.node if node.name == LEARNED[-1])
    del node.input[2]
    onnx.save(model, path)
    assert find_decoder(load_graph(path).graph) == (
        "/model.1/act/Sigmoid", "/model.1/act/Mul", LEARNED[-1], *DECODER,
    )  # fmt: skip


def test_nodes_are_grouped_by_module_and_the_head_by_branch(tmp_path: Path) -> None:
    graph = load_graph(write_detector(tmp_path / "full.onnx")).graph
    groups = group_by_module(graph)
    assert find_head(graph) == "model.2"
    assert list(groups) == ["model.0", "model.1", "model.2/cv2.0", "model.2"]
    assert groups["model.2"] == DECODER
    assert sum(map(len, groups.values())) == len(graph.node)


def test_values_are_those_in_float32(tmp_path: Path) -> None:
    graph = load_graph(write_detector(tmp_path / "full.onnx", is_dynamic=True)).graph
    assert list(iter_float_values(graph)) == [
        "images", "c0", "s0", "x0", "c1", "s1", "x1", "raw", "flat", "boxes", "logits", "px",
        "scores", "out",
    ]  # fmt: skip


def test_a_graph_whose_types_contradict_each_other_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = write_detector(tmp_path / "full.onnx")
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    onnx.save(model, path)
    with pytest.raises(ExportError, match="a value of unknown type"):
        load_graph(path)
