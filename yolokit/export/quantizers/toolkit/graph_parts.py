"""The parts of a detector's graph that quantizers treat differently, found by its structure.

Names alone would tie this to one family: the decoding of boxes is what lies between the last
learned convolutions and the outputs, whatever it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.extras import require
from yolokit.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def load_graph(path: Path) -> Any:
    """Return an ONNX model with the types of all its values, each node with a name.

    Raises:
        MissingDependencyError: onnx is not installed.
        ExportError: A type cannot be told.
    """
    onnx = require("onnx", extra="train", purpose="Quantizing")
    model = onnx.load(path)
    try:
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        raise ExportError(f"the graph has a value of unknown type: {error}") from error
    for index, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{index}"
    return model


def find_decoder(graph: Any) -> tuple[str, ...]:
    """Return the names of the nodes between the last learned convolutions and the outputs.

    They compute coordinates in px and scores: too fine for few bits, and no work. The convolution
    that averages distances (of a DFL head) is one of them: it has no bias, a learned one has.
    """
    return _walk_back(graph, with_last=False)


def find_outermost(graph: Any) -> tuple[str, ...]:
    """Return the names of :func:`find_decoder` and of the last learned convolutions."""
    return _walk_back(graph, with_last=True)


def group_by_module(graph: Any) -> dict[str, tuple[str, ...]]:
    """Return the nodes of each module of the network by the module's name, in their order.

    A trace calls nodes ``/model.4/m.0/cv1/conv/Conv``: the module is ``model.4``. The head is
    divided once more, into ``model.23/cv2.0``, ``model.23/cv3.0`` and so on, since its branches
    differ most. Nodes without such a name are a group each.
    """
    head = find_head(graph)
    groups: dict[str, list[str]] = {}
    for node in graph.node:
        parts = node.name.strip("/").split("/")
        depth = 2 if parts[0] == head and len(parts) > 2 else 1
        groups.setdefault("/".join(parts[:depth]), []).append(node.name)
    return {name: tuple(nodes) for name, nodes in groups.items()}


def find_head(graph: Any) -> str:
    """Return the name of the module that gives the outputs; empty if names do not tell."""
    outputs = {output.name for output in graph.output}
    last = next(node.name for node in reversed(graph.node) if outputs & set(node.output))
    parts = last.strip("/").split("/")
    return parts[0] if len(parts) > 1 else ""


def _walk_back(graph: Any, *, with_last: bool) -> tuple[str, ...]:
    producers = {output: node for node in graph.node for output in node.output}
    found: set[str] = set()
    ahead = [output.name for output in graph.output]
    while ahead:
        node = producers.get(ahead.pop())
        if node is None or node.name in found:
            continue
        is_last = _is_learned(node)
        if with_last or not is_last:
            found.add(node.name)
        if not is_last:
            ahead += node.input
    return tuple(node.name for node in graph.node if node.name in found)


def _is_learned(node: Any) -> bool:
    return node.op_type == "Conv" and len(node.input) == 3


def iter_float_values(graph: Any) -> Iterator[str]:
    """Yield the names of the float32 values that nodes and the input give, in order."""
    from onnx import TensorProto

    kinds = {
        value.name: value.type.tensor_type.elem_type
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    given = [value.name for value in graph.input]
    given += [output for node in graph.node for output in node.output]
    yield from (name for name in given if kinds.get(name) == TensorProto.FLOAT)
