"""FP16: weights and the network in half precision; the input, and what makes boxes, in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.events import OnEvent, ignore
from yolokit.core.extras import require
from yolokit.errors import ExportError
from yolokit.export.quantizers.toolkit.graph_parts import (
    find_decoder,
    iter_float_values,
    load_graph,
)
from yolokit.export.quantizers.toolkit.saving import save_graph

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.export.quantizers.toolkit import Calibration, QuantSettings

CALIBRATES = False

# Inputs that are float32 whatever the rest is, by operator: the places of Resize's roi and scales.
_ALWAYS_FLOAT32 = {"Resize": (1, 2)}


def quantize(
    src: Path,
    dst: Path,
    calibration: Calibration | None,
    settings: QuantSettings,
    on_event: OnEvent = ignore,
) -> None:
    """Write a model that computes in float16; see ``toolkit.Quantizer``.

    Input and outputs stay float32, so that programs feed and read it as the FP32 file, and so does
    the decoding of boxes: in float16 a coordinate of 640 px is rounded to 0.5 px.
    """
    del calibration, on_event
    model = load_graph(src)
    _Conversion(model, {*find_decoder(model.graph), *settings.float_nodes}).run()
    save_graph(model, dst)


class _Conversion:
    """Moves the nodes of a graph to float16, but for some; values pass by one cast each.

    A node that takes no float32 value, such as one that computes shapes, stays as it is.
    """

    def __init__(self, model: Any, float_nodes: set[str]) -> None:
        self._onnx = require("onnx", extra="train", purpose="Quantizing")
        self._graph = model.graph
        self._weights = {one.name: one for one in model.graph.initializer}
        self._floats = {*iter_float_values(model.graph), *self._list_float_weights()}
        self._is_half = {
            node.name: node.name not in float_nodes
            and any(name in self._floats for name in _list_inputs(node))
            for node in model.graph.node
        }
        self._half_values = {
            output
            for node in model.graph.node
            if self._is_half[node.name]
            for output in node.output
            if output in self._floats
        }
        self._casts: dict[str, str] = {}
        self._nodes: list[Any] = []

    def run(self) -> None:
        """Change the graph."""
        for node in self._graph.node:
            self._convert_inputs(node)
            self._nodes.append(node)
        self._keep_outputs()
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        used = {name for node in self._nodes for name in node.input}
        weights = [one for one in self._graph.initializer if one.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(weights)

    def _list_float_weights(self) -> list[str]:
        float32 = self._onnx.TensorProto.FLOAT
        return [name for name, one in self._weights.items() if one.data_type == float32]

    def _convert_inputs(self, node: Any) -> None:
        """Give a node each of its float inputs in the type that it computes in."""
        places = _ALWAYS_FLOAT32.get(node.op_type, ())
        for place, name in enumerate(node.input):
            if name not in self._floats:
                continue
            wants_half = self._is_half[node.name] and place not in places
            if wants_half and name in self._weights:
                node.input[place] = self._halve_weight(name)
            elif wants_half != (name in self._half_values):
                node.input[place] = self._cast(name, to_half=wants_half)

    def _halve_weight(self, name: str) -> str:
        halved = f"{name}//fp16"
        if name not in self._casts:
            values = self._onnx.numpy_helper.to_array(self._weights[name])
            with np.errstate(over="ignore"):
                half = values.astype(np.float16)
            if np.isinf(half).any():
                raise ExportError(f"the weights {name} are too large for FP16")
            self._graph.initializer.append(self._onnx.numpy_helper.from_array(half, halved))
            self._casts[name] = halved
        return halved

    def _cast(self, name: str, *, to_half: bool) -> str:
        """Return the name of a value in the other type; its cast is added where it is not there."""
        kinds = self._onnx.TensorProto
        if name not in self._casts:
            cast = f"{name}//{'fp16' if to_half else 'fp32'}"
            kind = kinds.FLOAT16 if to_half else kinds.FLOAT
            self._nodes.append(
                self._onnx.helper.make_node("Cast", [name], [cast], name=cast, to=kind)
            )
            self._casts[name] = cast
        return self._casts[name]

    def _keep_outputs(self) -> None:
        """Cast each output of the graph that is computed in float16; its name stays."""
        for output in self._graph.output:
            if output.name not in self._half_values:
                continue
            inner = f"{output.name}//inner"
            for node in self._nodes:
                node.input[:] = [inner if name == output.name else name for name in node.input]
                node.output[:] = [inner if name == output.name else name for name in node.output]
            self._nodes.append(
                self._onnx.helper.make_node(
                    "Cast", [inner], [output.name], name=inner, to=self._onnx.TensorProto.FLOAT
                )
            )


def _list_inputs(node: Any) -> list[str]:
    """Return the inputs whose type decides what the node computes in."""
    places = _ALWAYS_FLOAT32.get(node.op_type, ())
    return [name for place, name in enumerate(node.input) if place not in places]
