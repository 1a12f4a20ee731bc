"""Joins a network, an ONNX file of the plain kind, with the parts that a file is to hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from yolokit.core.extras import require
from yolokit.export.embed.builder import Builder
from yolokit.export.embed.letterbox import add_letterbox
from yolokit.export.embed.nms import fit_given_images, report_boxes, suppress_raw, take_rows
from yolokit.export.sidecar import LETTERBOX
from yolokit.runtime.heads.toolkit import load_head
from yolokit.runtime.manifest import BoxPorts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from yolokit.export.embed.letterbox import Fit
    from yolokit.runtime.manifest import ModelManifest

IMAGE_NAME, BOXES_NAME = "image", "boxes"
LAYOUT = "boxes"  # of what comes out then: a module of runtime/heads


def describe_embedded(plain: ModelManifest, parts: Sequence[str]) -> ModelManifest:
    """Return the manifest of a file that holds some parts, of that of the network alone."""
    io, head = plain.io, plain.head
    if "pre" in parts:
        io = msgspec.structs.replace(io, kind="image", input_name=IMAGE_NAME)
    if "nms" in parts:
        is_raw = not load_head(head.layout).SUPPRESSES_OVERLAPS
        ports = BoxPorts(
            iou="iou" if is_raw else "",
            multi_label="multi_label" if is_raw else "",
            image_wh="" if "pre" in parts else "image_wh",
        )
        head = msgspec.structs.replace(head, layout=LAYOUT, output_name=BOXES_NAME, ports=ports)
    return msgspec.structs.replace(plain, io=io, head=head)


def embed_parts(src: Path, dst: Path, plain: ModelManifest, manifest: ModelManifest) -> Path:
    """Write a model with the parts that its manifest states to ``dst``, which is returned.

    Args:
        src: The network alone: its input float, its output as the layout says.
        dst: File to write; its metadata are those of ``src``.
        plain: The manifest of ``src``.
        manifest: That of ``dst``, made by :func:`describe_embedded`.
    """
    onnx = require("onnx", extra="train", purpose="Export")
    model = onnx.load(src)
    graph, fit = model.graph, None
    _set_apart(graph, {manifest.io.input_name, LETTERBOX, *_list_names(manifest)})
    if manifest.io.kind == "image":
        fit = _put_before(onnx, graph, plain, manifest)
    if manifest.head.ports is not None:
        _put_behind(onnx, graph, plain, manifest, fit)
    elif fit is not None:
        _tell_letterbox(onnx, graph, fit)
    onnx.save(model, dst)
    return dst


def _list_names(manifest: ModelManifest) -> tuple[str, ...]:
    """Return the names of the outputs and optional inputs that a file with NMS gets."""
    ports = manifest.head.ports
    return () if ports is None else (manifest.head.output_name, *ports.outputs, *ports.inputs)


def _set_apart(graph: Any, taken: set[str]) -> None:
    """Give values inside a network other names where they have those of ports that it will get."""
    taken = taken - {port.name for port in (*graph.input, *graph.output)}

    def rename(name: str) -> str:
        return f"network/{name}" if name in taken else name

    for node in graph.node:
        node.input[:] = [rename(name) for name in node.input]
        node.output[:] = [rename(name) for name in node.output]
    for one in (*graph.initializer, *graph.value_info):
        one.name = rename(one.name)


def _put_before(onnx: Any, graph: Any, plain: ModelManifest, manifest: ModelManifest) -> Fit:
    """Let a graph take an image in place of its input."""
    b = Builder("pre")
    tensor, fit = add_letterbox(b, manifest.io.input_name, manifest.io)
    kind = graph.input[0].type.tensor_type.elem_type
    if kind != onnx.TensorProto.FLOAT:
        tensor = b.add("Cast", tensor, to=kind)
    b.name(tensor, plain.io.input_name)
    image = onnx.helper.make_tensor_value_info(
        manifest.io.input_name, onnx.TensorProto.UINT8, ["height", "width", 3]
    )
    _replace(graph.input, [image])
    _replace(graph.node, [*b.nodes, *graph.node])
    graph.initializer.extend(b.constants)
    return fit


def _tell_letterbox(onnx: Any, graph: Any, fit: Fit) -> None:
    """Add the output that leads boxes back: left, top, and how much larger than in the image."""
    b = Builder("letterbox")
    gain = b.add("Div", fit.resized_wh, fit.image_wh)
    both = b.cast(b.add("Concat", fit.pad_xy, gain, axis=1), np.float32)
    b.name(b.add("Reshape", both, b.axes(4)), LETTERBOX)
    graph.node.extend(b.nodes)
    graph.initializer.extend(b.constants)
    make = onnx.helper.make_tensor_value_info
    graph.output.append(make(LETTERBOX, onnx.TensorProto.FLOAT, [4]))


def _put_behind(
    onnx: Any, graph: Any, plain: ModelManifest, manifest: ModelManifest, fit: Fit | None
) -> None:
    """Let a graph give boxes in place of its output, and take what is to be reported."""
    b, ports = Builder("nms"), manifest.head.ports
    assert ports is not None
    output = graph.output[0]
    name = output.name
    if output.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        name = b.cast(name, np.float32)
    choose = take_rows if load_head(plain.head.layout).SUPPRESSES_OVERLAPS else suppress_raw
    chosen = choose(b, name, len(plain.head.names), ports)
    fit = fit or fit_given_images(b, plain.io.input_name, ports)
    report_boxes(b, chosen, ports, manifest.head.output_name, fit)
    graph.node.extend(b.nodes)
    graph.initializer.extend(b.constants)
    batch = plain.io.shape[0] or "batch"
    float_, int_ = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    shapes = {
        manifest.head.output_name: (float_, [batch, "max_det", 4]),
        ports.scores: (float_, [batch, "max_det"]),
        ports.classes: (int_, [batch, "max_det"]),
        ports.count: (int_, [batch]),
    }
    make = onnx.helper.make_tensor_value_info
    _replace(graph.output, [make(name, *one) for name, one in shapes.items()])
    _add_defaults(onnx, graph, manifest)


def _add_defaults(onnx: Any, graph: Any, manifest: ModelManifest) -> None:
    """Add the inputs that may be left out, each with an initializer of its name: its default."""
    head, ports = manifest.head, manifest.head.ports
    assert ports is not None
    defaults = {
        ports.conf: np.array(head.class_conf or (head.conf,), np.float32),
        ports.iou: np.array([head.iou], np.float32),
        ports.max_det: np.array([head.max_det], np.int32),
        ports.multi_label: np.array([False]),
        ports.clip: np.array([True]),
        ports.image_wh: np.array([[0, 0]], np.int32),
    }
    free = {ports.conf: ["scores"], ports.image_wh: ["images", 2]}  # axes of any length
    for name in ports.inputs:
        value = onnx.numpy_helper.from_array(defaults[name], name)
        shape = free.get(name, list(defaults[name].shape))
        graph.input.append(onnx.helper.make_tensor_value_info(name, value.data_type, shape))
        graph.initializer.append(value)


def _replace(field: Any, values: Sequence[Any]) -> None:
    """Give a repeated field of a message other values."""
    values = list(values)
    del field[:]
    field.extend(values)
