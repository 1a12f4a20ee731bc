"""The layers of an ONNX file, and what some of them compute from an image; never torch."""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any

import msgspec

from yolokit.core.extras import require
from yolokit.core.receptive_field import Reach, join
from yolokit.engine_protocol.inspection import Layer, Network
from yolokit.errors import ConfigError, InferenceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# What is only about shapes, or about constants, is no layer.
_NO_LAYERS = frozenset({"Constant", "ConstantOfShape", "Identity", "Shape", "Range"})
_SHAPES_ALONE = frozenset({"Shape", "Size"})
_WINDOWS = frozenset({"MaxPool", "AveragePool", "LpPool"})
_TRAINED = frozenset(
    {"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization", "PRelu"}
)
_MOST_BYTES = 1 << 31  # what protobuf can read
_GLOBAL = frozenset({"GlobalAveragePool", "GlobalMaxPool"})


def read_graph(path: Path, imgsz: int | None) -> Any:
    """Load an ONNX graph with the shapes of its values, at one size of input.

    Args:
        path: The file.
        imgsz: Side of a square input in px, where the file leaves it open; None for 640.

    Raises:
        MissingDependencyError: onnx is not installed.
        InferenceError: The file is not ONNX, or its graph contradicts itself.
    """
    onnx = _load_onnx()
    model = _load(onnx, path)
    weights = {one.name for one in model.graph.initializer}
    inputs = [one for one in model.graph.input if one.name not in weights]
    if not inputs or len(inputs[0].type.tensor_type.shape.dim) != 4:
        raise InferenceError(
            f"{path} does not take prepared images: its first input has not four axes",
            hint="of a model that prepares images itself, inspect the checkpoint, or the file of "
            "the network alone",
        )
    _fix_size(inputs[0].type.tensor_type.shape.dim, imgsz, path)
    for one in model.graph.output:
        if _is_open(one):  # what it says may contradict the size that was chosen
            one.type.tensor_type.shape.Clear()
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise InferenceError(f"{path} has a broken graph: {error}") from error


def _load(onnx: Any, path: Path) -> Any:
    """Load a model without weights that lie in other files."""
    message = importlib.import_module("google.protobuf.message")
    if path.stat().st_size > _MOST_BYTES:
        raise InferenceError(f"{path} is larger than an ONNX file can be, which is 2 GiB")
    try:
        model = onnx.load(str(path), load_external_data=False)
    except message.DecodeError as error:
        raise InferenceError(f"{path} is not an ONNX file that can be read: {error}") from error
    if not model.graph.node:
        raise InferenceError(f"{path} is not an ONNX file: it has no operators")
    return model


def _load_onnx() -> Any:
    return require("onnx", extra="train", purpose="Looking into an ONNX file")


def _is_open(value: Any) -> bool:
    return any(not axis.HasField("dim_value") for axis in value.type.tensor_type.shape.dim)


def _fix_size(axes: Any, imgsz: int | None, path: Path) -> None:
    """Give the open axes of an input, (B, C, H, W), a length."""
    if imgsz is not None:
        fixed = [axis.dim_value for axis in axes[2:] if axis.HasField("dim_value")]
        if any(size != imgsz for size in fixed):
            raise ConfigError(
                f"{path} takes inputs of {fixed[-1]}x{fixed[0]} px alone, not of {imgsz}",
                hint="leave --imgsz out; `yolokit export BEST.pt --dynamic all` makes one of any",
            )
    for axis, length in zip(axes, (1, 3, imgsz or 640, imgsz or 640), strict=True):
        if not axis.HasField("dim_value") or axis.dim_value < 1:
            axis.dim_value = length


def list_layers(model: Any, path: Path) -> Network:
    """Return the operators that compute on the image, in the file's order.

    Raises:
        InferenceError: An operator lacks what ONNX says it has.
    """
    walk = _Walk(model)
    found = []
    for node in model.graph.node:
        try:
            found.append(walk.visit(node))
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            what = f"its operator {node.name!r} ({node.op_type}) is not as ONNX defines it"
            raise InferenceError(f"{path} has a broken graph: {what}") from error
    layers = tuple(layer for layer in found if layer is not None)
    about = tuple((entry.key, entry.value) for entry in model.metadata_props)
    return Network(
        layers=layers,
        input_shape=tuple(walk.shapes[walk.input_name]),
        head_inputs=_widest(layers),
        about=tuple(pair for pair in about if pair[0] in _TOLD),
    )


_TOLD = ("description", "author", "license", "task", "names", "imgsz", "stride")


def _widest(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Return for each stride from 8 px on the widest convolution, the last of equal ones."""
    best: dict[float, Layer] = {}
    for layer in layers:
        if layer.type == "Conv" and layer.shape and (layer.stride_px or 0) >= 8:
            assert layer.stride_px is not None
            known = best.get(layer.stride_px)
            if known is None or layer.shape[1] >= known.shape[1]:
                best[layer.stride_px] = layer
    return tuple(best[stride] for stride in sorted(best))


class _Walk:
    """Follows shapes and receptive fields through a graph.

    Attributes:
        shapes: Value to its shape; those of weights among them.
        reach: Value to what it depends on; only those that depend on the image.
    """

    def __init__(self, model: Any) -> None:
        onnx = _load_onnx()
        self._attribute = onnx.helper.get_attribute_value
        graph = model.graph
        self._held = {one.name: math.prod(one.dims) for one in graph.initializer}
        self.shapes: dict[str, tuple[int, ...]] = {
            one.name: tuple(one.dims) for one in graph.initializer
        }
        # Factors of a resize, small enough to be kept.
        self._values: Mapping[str, list[float]] = {
            one.name: onnx.numpy_helper.to_array(one).ravel().tolist()
            for one in graph.initializer
            if 0 < math.prod(one.dims) <= 8
        }
        for value in (*graph.input, *graph.value_info, *graph.output):
            axes = value.type.tensor_type.shape.dim
            if all(axis.HasField("dim_value") for axis in axes):
                self.shapes[value.name] = tuple(axis.dim_value for axis in axes)
        self.input_name = next(one.name for one in graph.input if one.name not in self._held)
        self.reach: dict[str, Reach] = {self.input_name: Reach()}
        self._counted: set[str] = set()

    def visit(self, node: Any) -> Layer | None:
        """Take one operator; return it as a layer, or None for one that is none."""
        given = [name for name in node.input if name in self.reach]
        if not given or node.op_type in _SHAPES_ALONE:
            return None
        options = {one.name: self._attribute(one) for one in node.attribute}
        before = join(self.reach[name] for name in given)
        assert before is not None
        window = self._window(node, options)
        reach = self._follow(node, before, window, mixes=len(given) > 1)
        self.reach |= dict.fromkeys(node.output, reach)
        if node.op_type in _NO_LAYERS:
            return None
        return Layer(
            name=node.name or node.output[0],
            type=node.op_type,
            kernel=window.kernel if window else None,
            stride=window.stride if window else None,
            padding=window.padding if window else None,
            groups=options.get("group", 1),
            shape=self.shapes.get(node.output[0], ()),
            field_px=int(reach.field_px) if math.isfinite(reach.field_px) else None,
            stride_px=reach.stride_px,
            parameters=self._count_parameters(node),
            flops=self._count_flops(node),
        )

    def _window(self, node: Any, options: Mapping[str, Any]) -> _Window | None:
        if node.op_type in ("Conv", "ConvTranspose"):
            kernel = self.shapes.get(node.input[1], (0, 0, 1, 1))[2:]
        elif node.op_type in _WINDOWS:
            kernel = tuple(options["kernel_shape"])
        else:
            return None
        if len(kernel) != 2:
            return None
        pads = options.get("pads", (0, 0, 0, 0))
        return _Window(
            kernel=(kernel[0], kernel[1]),
            stride=tuple(options.get("strides", (1, 1))),
            padding=(max(pads[0], pads[2]), max(pads[1], pads[3])),
            dilation=max(options.get("dilations", (1,))),
        )

    def _follow(self, node: Any, reach: Reach, window: _Window | None, *, mixes: bool) -> Reach:
        """Return the reach of a node's outputs; whether several maps come together matters."""
        if node.op_type == "ConvTranspose" and window is not None:
            grown = Reach(reach.field_px, reach.stride_px / max(1, *window.stride))
            return grown.through_window(max(window.kernel), 1, window.dilation)
        if window is not None:
            return reach.through_window(max(window.kernel), max(window.stride), window.dilation)
        if node.op_type in _GLOBAL or (node.op_type == "MatMul" and mixes):
            return reach.everywhere()  # two maps multiplied with each other: attention
        if node.op_type in ("Resize", "Upsample"):
            sizes = self.shapes.get(node.input[0]), self.shapes.get(node.output[0])
            if sizes[0] and sizes[1] and sizes[0][-1] > 0 and sizes[1][-1] > 0:
                return reach.through_resize(sizes[1][-1] / sizes[0][-1])
            factor = self._values.get(node.input[-1], [1.0])[-1]
            return reach.through_resize(factor) if factor > 0 else reach
        return reach

    def _count_parameters(self, node: Any) -> int:
        """Count the weights of a layer; what several layers share belongs to the first.

        Other operators hold constants, such as the places of anchors, which nothing trained.
        """
        if node.op_type not in _TRAINED:
            return 0
        own = [name for name in node.input if name in self._held and name not in self._counted]
        self._counted.update(own)
        return sum(self._held[name] for name in own)

    def _count_flops(self, node: Any) -> int:
        given = [self.shapes.get(name, ()) for name in node.input]
        output = self.shapes.get(node.output[0], ())
        if not output or not all(given[:2]):
            return 0
        if node.op_type == "Conv":
            return 2 * math.prod(output[2:]) * math.prod(given[1])
        if node.op_type == "ConvTranspose":
            return 2 * math.prod(given[0][2:]) * math.prod(given[1])
        if node.op_type in ("MatMul", "Gemm"):
            return 2 * math.prod(output) * given[0][-1]
        return 0


class _Window(msgspec.Struct, frozen=True):
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: int


def write_with_outputs(
    model: Any, layers: Sequence[str], folder: Path
) -> tuple[Path, dict[str, str]]:
    """Write a graph that gives the outputs of some layers as well.

    Returns:
        Its file, and layer to the name of its output.

    Raises:
        InferenceError: Weights lie in other files.
    """
    onnx = _load_onnx()
    if any(onnx.external_data_helper.uses_external_data(one) for one in model.graph.initializer):
        raise InferenceError(
            "maps cannot be drawn of a model that keeps its weights in other files"
        )
    outputs = {
        node.name or node.output[0]: node.output[0]
        for node in model.graph.node
        if (node.name or node.output[0]) in layers
    }
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    known = {one.name for one in changed.graph.output}
    changed.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in outputs.values() if name not in known
    )
    path = folder / "with-outputs.onnx"
    onnx.save(changed, str(path))
    return path, outputs
