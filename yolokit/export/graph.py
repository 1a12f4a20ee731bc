"""Edits of an ONNX file: simplify the graph, write metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from yolokit.core.extras import require
from yolokit.errors import ExportError
from yolokit.export.sidecar import ModelPorts, PortFacts
from yolokit.runtime.heads.toolkit import load_head
from yolokit.runtime.manifest import METADATA_KEY, encode_manifest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from yolokit.runtime.manifest import ModelManifest

# Newest version that onnxruntime releases of the last two years read.
_MAX_IR_VERSION = 10


def simplify_graph(src: Path, dst: Path) -> Path:
    """Simplify a graph and write it to ``dst``, which is returned.

    Raises:
        MissingDependencyError: onnx or onnxslim is not installed.
    """
    onnx = require("onnx", extra="train", purpose="Export")
    onnxslim = require("onnxslim", extra="train", purpose="Export")
    model = onnxslim.slim(onnx.load(src))
    model.ir_version = min(model.ir_version, _MAX_IR_VERSION)
    onnx.save(model, dst)
    return dst


def describe_graph(src: Path, dst: Path, manifest: ModelManifest) -> Path:
    """Write a graph with its manifest, and no other metadata, to ``dst``, which is returned.

    The keys that ultralytics writes are added as well, so that its tools read the file too.

    Raises:
        MissingDependencyError: onnx is not installed.
        ExportError: The graph is not valid.
    """
    onnx = require("onnx", extra="train", purpose="Export")
    model = onnx.load(src)
    del model.metadata_props[:]
    onnx.helper.set_model_props(
        model, {METADATA_KEY: encode_manifest(manifest)} | _upstream_metadata(manifest)
    )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the exported graph is not valid ONNX: {error}") from error
    onnx.save(model, dst)
    return dst


def list_ports(model: Path) -> ModelPorts:
    """Return what a model takes and gives, with the defaults of inputs that may be left out."""
    onnx = require("onnx", extra="train", purpose="Export")
    graph = onnx.load(model, load_external_data=False).graph
    values = {one.name: one for one in graph.initializer}

    def tell(port: Any) -> PortFacts:
        kind = port.type.tensor_type
        default = values.get(port.name)
        return PortFacts(
            name=port.name,
            dtype=onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name,
            shape=tuple(axis.dim_param or axis.dim_value for axis in kind.shape.dim),
            default=None if default is None else _show(onnx.numpy_helper.to_array(default)),
        )

    return ModelPorts(inputs=tuple(map(tell, graph.input)), outputs=tuple(map(tell, graph.output)))


def _show(values: npt.NDArray[Any]) -> Any:
    """Return values as lists of plain numbers, 0.7 as such, not as the float32 next to it."""
    if values.dtype.kind == "f":
        return [float(str(value)) for value in values]
    return values.tolist()


def _upstream_metadata(manifest: ModelManifest) -> dict[str, str]:
    """Return what ultralytics' ONNX backend reads: text that it parses as Python literals."""
    width, height = manifest.io.input_wh
    return {
        "description": manifest.provenance.architecture,
        "stride": str(manifest.io.stride_px),
        "task": str(manifest.head.task),
        "batch": str(manifest.io.shape[0] or 1),
        "imgsz": str([height, width]),
        "names": str(dict(enumerate(manifest.head.names))),
        "channels": "3",
        "end2end": str(load_head(manifest.head.layout).SUPPRESSES_OVERLAPS),
        "license": manifest.provenance.license,
        "dynamic": str(manifest.io.shape[2] is None),
    }
