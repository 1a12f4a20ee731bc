"""Models in OpenVINO itself, which runs on any x86-64 and Arm processor.

OpenVINO through onnxruntime offers devices of Intel alone.
"""

from __future__ import annotations

import contextlib
import threading
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from yolokit.core import extras
from yolokit.core.privacy import forbid_openvino_telemetry
from yolokit.errors import InferenceError
from yolokit.runtime.onnx_header import read_header
from yolokit.runtime.ports import Port
from yolokit.runtime.providers.toolkit.openvino_model import obtain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from yolokit.runtime.providers.toolkit import EngineOptions

# OpenVINO's binding makes some tables as they are first used, and hands over Python's lock in the
# midst of it: two threads that do so at once wait for each other for ever (2026.4.1).
_FIRST_RUN = threading.Lock()
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
    return version() is not None


def version() -> str | None:
    """Return the name and version of the package; None where it is not installed.

    A folder of that name does not make it one: an uninstallation, or a user, may leave it.
    """
    if not extras.is_installed("openvino"):
        return None
    try:
        return f"openvino {metadata.version('openvino')}"
    except metadata.PackageNotFoundError:
        return None


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
        raise extras.missing("openvino", extra="openvino", purpose="This provider") from error
    except ImportError as error:
        raise InferenceError(f"openvino does not load: {error}") from error
    if not hasattr(openvino, "Core"):  # a folder that hides it, or half of an installation
        raise InferenceError(f"openvino does not load: {openvino.__path__[0]} is not the package")
    return openvino


def configure(options: EngineOptions, device: str) -> dict[str, Any]:
    """Return OpenVINO's options: those of the lowest latency in each stream, at one precision."""
    chosen: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": _HINTS[options.precision],
    }
    if device == "CPU":
        chosen |= {"INFERENCE_NUM_THREADS": options.threads, "NUM_STREAMS": options.streams or 1}
    return chosen


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
        inputs: The model's inputs, without those that have a default.
        outputs: The model's outputs.
        notes: What users should know of how it was opened.
    """

    def __init__(self, path: Path, options: EngineOptions, device: str) -> None:
        """Compile it.

        Raises:
            InferenceError: It does not load; the message is the reason alone.
        """
        self._threads = threading.local()
        self._is_warm = False
        header = read_header(path)
        with _quoting():
            openvino, configured = import_openvino(), configure(options, device)
            self._compiled, self._defaults, self.notes = obtain(
                openvino, path, header, device, configured, options.cache
            )
            self._check_precision(options.precision)
            inputs = (_port(port, header.inputs) for port in self._compiled.inputs)
            self.inputs = tuple(port for port in inputs if port.name not in self._defaults)
            self.outputs = tuple(_port(port, header.outputs) for port in self._compiled.outputs)

    def run(
        self, feeds: Mapping[str, NDArray[np.generic]], output_names: Sequence[str]
    ) -> list[NDArray[Any]]:
        """Return the outputs of these names; see :class:`Engine`."""
        if self._is_warm:
            return self._run(feeds, output_names)
        with _FIRST_RUN:
            outputs = self._run(feeds, output_names)
            self._is_warm = True
            return outputs

    def _run(
        self, feeds: Mapping[str, NDArray[np.generic]], output_names: Sequence[str]
    ) -> list[NDArray[Any]]:
        with _quoting():
            request = self._request()
            request.infer({**self._defaults, **feeds}, share_inputs=True, share_outputs=True)
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
