"""Models in OpenVINO itself, which runs on any x86-64 and Arm processor.

OpenVINO through onnxruntime offers devices of Intel alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core.extras import missing
from yolokit.core.privacy import forbid_openvino_telemetry
from yolokit.errors import InferenceError
from yolokit.runtime.onnx_header import read_header
from yolokit.runtime.ports import Port
from yolokit.runtime.providers.toolkit.compiled import (
    drop_entry,
    name_entry,
    read_entry,
    write_entry,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from yolokit.runtime.providers.toolkit import EngineOptions

# What a compiled model depends on beside the model, the version and the options.
_DEVICE_FACTS = ("FULL_DEVICE_NAME", "DEVICE_ARCHITECTURE", "OPTIMIZATION_CAPABILITIES")
_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
_CAPABILITIES = {"FP32": "fp32", "BF16": "bf16", "FP16": "fp16"}
# Its names of element types that are not onnxruntime's -> onnxruntime's.
_TYPES = {
    "f32": "float", "f64": "double", "f16": "float16", "bf16": "bfloat16", "boolean": "bool",
    "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
    "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64",
}  # fmt: skip


def is_installed() -> bool:
    """Tell whether the package is there, without importing it."""
    return importlib.util.find_spec("openvino") is not None


def version() -> str | None:
    """Return the name and version of the package; None where it is not installed."""
    return f"openvino {metadata.version('openvino')}" if is_installed() else None


def import_openvino() -> Any:
    """Import OpenVINO, which then sends nothing.

    Raises:
        MissingDependencyError: It is not installed.
        InferenceError: It does not load; the message is the reason alone.
    """
    forbid_openvino_telemetry()
    try:
        import openvino
    except ModuleNotFoundError as error:
        if error.name != "openvino":
            raise InferenceError(f"openvino does not load: {error}") from error
        raise missing("openvino", extra="openvino", purpose="This provider") from error
    except ImportError as error:
        raise InferenceError(f"openvino does not load: {error}") from error
    return openvino


def list_precisions(device: str) -> tuple[str, ...]:
    """Return what a device of this machine computes a model of FP32 in, e.g. of ``CPU``.

    Raises:
        InferenceError: There is no such device, or OpenVINO does not load.
    """
    with _quoting():
        named = import_openvino().Core().get_property(device, "OPTIMIZATION_CAPABILITIES")
    return tuple(ours for theirs, ours in _CAPABILITIES.items() if theirs in named)


class OpenVinoEngine:
    """A model that OpenVINO has compiled for one device.

    Attributes:
        inputs: The model's inputs.
        outputs: The model's outputs.
    """

    def __init__(self, path: Path, options: EngineOptions, device: str) -> None:
        """Compile it.

        Raises:
            InferenceError: It does not load; the message is the reason alone.
        """
        self._threads = threading.local()
        header = read_header(path)
        with _quoting():
            self._compiled = _obtain(import_openvino(), path, options, device)
            self._check_precision(options.precision)
            self.inputs = tuple(_port(port, header.inputs) for port in self._compiled.inputs)
            self.outputs = tuple(_port(port, header.outputs) for port in self._compiled.outputs)

    def run(
        self, feeds: Mapping[str, NDArray[np.generic]], output_names: Sequence[str]
    ) -> list[NDArray[Any]]:
        """Return the outputs of these names; see :class:`Engine`."""
        with _quoting():
            request = self._request()
            request.infer(dict(feeds), share_inputs=True, share_outputs=True)
            return [np.array(request.get_tensor(name).data) for name in output_names]

    def _request(self) -> Any:
        """Return the request of this thread: each holds the outputs of its last run."""
        if not hasattr(self._threads, "request"):
            self._threads.request = self._compiled.create_infer_request()
        return self._threads.request

    def _check_precision(self, asked: str) -> None:
        """Refuse another precision than the one asked for: OpenVINO takes it and says nothing."""
        really = self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        if really != _HINTS[asked]:
            raise InferenceError(f"OpenVINO computes it in {really} although {asked} was asked for")


def _obtain(openvino: Any, path: Path, options: EngineOptions, device: str) -> Any:
    """Return the compiled model: the one that an earlier start kept, or a new one.

    OpenVINO's own cache takes a file that is damaged for a good one; ours is compared by its hash.
    """
    core, configured = openvino.Core(), configure(options, device)
    name = None
    if options.cache is not None:
        facts = [str(core.get_property(device, fact)) for fact in _DEVICE_FACTS]
        name = name_entry(path, "openvino", openvino.__version__, *facts, repr(configured))
    if options.cache is None or name is None:
        return _compile(core, path, device, configured)
    kept = read_entry(options.cache, name)
    if kept is not None:
        try:
            return core.import_model(io.BytesIO(kept), device, configured)
        except RuntimeError:  # what it depends on beside our name of it is OpenVINO's to know
            drop_entry(options.cache, name)
    compiled = _compile(core, path, device, configured)
    write_entry(options.cache, name, compiled.export_model().getvalue())
    return compiled


def _compile(core: Any, path: Path, device: str, configured: dict[str, Any]) -> Any:
    model = core.read_model(str(path))
    _refuse_signed_activations(model)
    return core.compile_model(model, device, configured)


def _refuse_signed_activations(model: Any) -> None:
    """Refuse activations that are quantized with a sign: its kernels compute them wrong.

    Seen with OpenVINO 2026.4 on a processor with AVX-512 VNNI: mAP50-95 of a yolo11n fell from 0.53
    to 0.18, and was the same for unsigned ones. Weights are constants, without a FakeQuantize.
    """
    for node in model.get_ops():
        if node.get_type_name() != "Convert" or node.get_element_type().to_string() != "i8":
            continue
        if node.input_value(0).get_node().get_type_name() == "FakeQuantize":
            raise InferenceError(
                "its activations are quantized as signed integers, which OpenVINO computes wrong"
            )


def configure(options: EngineOptions, device: str) -> dict[str, Any]:
    """Return OpenVINO's options: those of the lowest latency in each stream, at one precision."""
    chosen: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": _HINTS[options.precision],
    }
    if device == "CPU":
        chosen |= {"INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": options.streams or 1}
    return chosen


def _port(port: Any, names: tuple[str, ...]) -> Port:
    """Return a port under the name that the ONNX file has for it; a tensor may have several."""
    name = next((name for name in names if name in port.names), None) or port.any_name
    shape = tuple(
        axis.get_length() if axis.is_static else None for axis in port.get_partial_shape()
    )
    kind = port.element_type.to_string()
    return Port(name, shape, f"tensor({_TYPES.get(kind, kind)})")


@contextlib.contextmanager
def _quoting() -> Iterator[None]:
    """Turn what OpenVINO raises into an InferenceError that quotes what it says at the end."""
    try:
        yield
    except (RuntimeError, ValueError, TypeError, OSError) as error:
        raise InferenceError(_say(str(error))) from error


def _say(text: str) -> str:
    """Return the sentence of an exception of OpenVINO that is not a place in its source."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("Exception from ", "Check '"))]
    return (said or lines or ["no reason is given"])[0]
