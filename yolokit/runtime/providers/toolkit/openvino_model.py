"""An ONNX file as a compiled model of OpenVINO: mended, refused or taken from an earlier start."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from yolokit.errors import InferenceError
from yolokit.runtime.manifest import METADATA_KEY, decode_manifest
from yolokit.runtime.providers.toolkit.compiled import (
    drop_entry,
    name_entry,
    read_entry,
    write_entry,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from yolokit.runtime.onnx_header import OnnxHeader

# What a compiled model depends on beside the model, the version and the options.
_DEVICE_FACTS = ("FULL_DEVICE_NAME", "DEVICE_ARCHITECTURE", "OPTIMIZATION_CAPABILITIES")


class _Default(msgspec.Struct, frozen=True, array_like=True):
    """The value of an input that may be left out."""

    type: str
    shape: tuple[int, ...]
    content: bytes


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A compiled model as it is kept, with the defaults that it does not hold itself."""

    model: bytes
    defaults: dict[str, _Default]


class Obtained(NamedTuple):
    """A compiled model, the defaults of its inputs, and what users should know of it."""

    compiled: Any
    defaults: dict[str, NDArray[Any]]
    notes: tuple[str, ...] = ()


def obtain(
    openvino: Any,
    path: Path,
    header: OnnxHeader,
    device: str,
    configured: Mapping[str, Any],
    cache: Path | None,
) -> Obtained:
    """Return a compiled model, by an earlier start or a new one.

    OpenVINO's own cache takes a file that is damaged for a good one; ours is compared by its hash.

    Raises:
        InferenceError: OpenVINO would compute it wrong.
        RuntimeError: OpenVINO does not take it.
    """
    core, name = openvino.Core(), None
    if cache is not None:
        facts = [str(core.get_property(device, fact)) for fact in _DEVICE_FACTS]
        name = name_entry(path, "openvino", openvino.__version__, *facts, repr(configured))
    if cache is None or name is None:
        return Obtained(*_compile(openvino, core, path, header, device, configured))
    kept = _read_kept(cache, name)
    if kept is not None:
        try:
            compiled = core.import_model(io.BytesIO(kept.model), device, configured)
        except RuntimeError:  # what it depends on beside our name of it is OpenVINO's to know
            drop_entry(cache, name)
        else:
            defaults = {key: _as_array(one) for key, one in kept.defaults.items()}
            return Obtained(compiled, defaults)
    compiled, defaults = _compile(openvino, core, path, header, device, configured)
    kept = _Kept(
        compiled.export_model().getvalue(),
        {key: _Default(one.dtype.str, one.shape, one.tobytes()) for key, one in defaults.items()},
    )
    notes = write_entry(cache, name, msgspec.msgpack.encode(kept))
    return Obtained(compiled, defaults, notes)


def _read_kept(cache: Path, name: str) -> _Kept | None:
    content = read_entry(cache, name)
    if content is None:
        return None
    try:
        return msgspec.msgpack.decode(content, type=_Kept)
    except msgspec.DecodeError:  # of another version of yolokit
        return None


def _as_array(default: _Default) -> NDArray[Any]:
    return np.frombuffer(default.content, default.type).reshape(default.shape)


def _compile(
    openvino: Any,
    core: Any,
    path: Path,
    header: OnnxHeader,
    device: str,
    configured: Mapping[str, Any],
) -> tuple[Any, dict[str, NDArray[Any]]]:
    model = core.read_model(str(path))
    _refuse_signed_activations(model)
    defaults = _free_inputs(openvino, model, header)
    return core.compile_model(model, device, configured), defaults


def _free_inputs(openvino: Any, model: Any, header: OnnxHeader) -> dict[str, NDArray[Any]]:
    """Make inputs again of what OpenVINO reads as constants: inputs that have a default.

    Which ones those are says the manifest, since older files list each of their weights as such an
    input.

    Returns:
        The defaults by name.
    """
    own = header.metadata.get(METADATA_KEY)
    ports = None if own is None else decode_manifest(own).head.ports
    if ports is None:
        return {}
    defaults, freed = {}, []
    for node in model.get_ops():
        output = node.output(0)
        name = next((name for name in ports.inputs if name in output.get_names()), None)
        if name is None or node.get_type_name() != "Constant":
            continue
        defaults[name] = np.array(node.data)
        is_for_each = name in (ports.conf, ports.image_wh)  # of the classes, of the images
        first = -1 if is_for_each else node.data.shape[0]
        shape = openvino.PartialShape([first, *node.data.shape[1:]])
        free = openvino.op.Parameter(output.get_element_type(), shape)
        free.output(0).set_names({name})
        for target in output.get_target_inputs():
            target.replace_source_output(free.output(0))
        freed.append(free)
    model.add_parameters(freed)
    model.validate_nodes_and_infer_types()
    return defaults


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
