"""Builds the nodes of an ONNX graph one by one, so that formulas read as formulas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.extras import require

if TYPE_CHECKING:
    import numpy.typing as npt


class Builder:
    """Collects nodes and constants; each value is known by its name in the graph.

    Attributes:
        nodes: ``NodeProto``, in the order of their computation.
        constants: ``TensorProto`` that they use.
    """

    def __init__(self, prefix: str) -> None:
        """Begin a part of a graph, all of whose names begin with ``prefix`` and a slash."""
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._prefix = prefix
        self._onnx = require("onnx", extra="train", purpose="Export")
        self._known: dict[tuple[Any, ...], str] = {}

    def constant(self, values: object, dtype: npt.DTypeLike) -> str:
        """Return the name of a constant; equal ones are one."""
        array = np.asarray(values, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = name = f"{self._prefix}/constant_{len(self.constants)}"
            self.constants.append(self._onnx.numpy_helper.from_array(array, name))
        return self._known[key]

    def floats(self, *values: float) -> str:
        """Return the name of a float32 constant: of shape (), or (N,) for several values."""
        return self.constant(values[0] if len(values) == 1 else values, np.float32)

    def axes(self, *values: int) -> str:
        """Return the name of an int64 constant (N,): axes, sizes or indices."""
        return self.constant(values, np.int64)

    def index(self, value: int) -> str:
        """Return the name of an int64 constant of shape ()."""
        return self.constant(value, np.int64)

    def name(self, value: str, name: str) -> None:
        """Give a value the name of an output, or of an input of what follows."""
        self.nodes.append(self._onnx.helper.make_node("Identity", [value], [name]))

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return its name."""
        return self.add_all(op, *inputs, count=1, **attributes)[0]

    def add_all(self, op: str, *inputs: str, count: int, **attributes: Any) -> list[str]:
        """Add a node with several outputs and return their names."""
        name = f"{self._prefix}/{op.lower()}_{len(self.nodes)}"
        outputs = [name] if count == 1 else [f"{name}_{index}" for index in range(count)]
        self.nodes.append(self._onnx.helper.make_node(op, inputs, outputs, name, **attributes))
        return outputs

    def cast(self, value: str, dtype: npt.DTypeLike) -> str:
        """Convert to another type of numbers."""
        kind = self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", value, to=kind)
