"""Read what an ONNX file says of itself: our own manifest, or the metadata of ultralytics."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Literal

from yolokit.core.manifest import (
    METADATA_KEY,
    ModelHead,
    ModelIO,
    ModelManifest,
    Provenance,
    decode_manifest,
)
from yolokit.errors import InferenceError, ModelOutputError

if TYPE_CHECKING:
    from yolokit.runtime.session import Port, Session

_DEFAULT_SIZE_PX = 640
_HINT = "export it with `yolokit export`, which writes all that a runtime needs into the file"


def read_manifest(session: Session) -> ModelManifest:
    """Return the manifest of a loaded model.

    Raises:
        InferenceError: The file says too little of itself, or its task is not detection.
        ModelOutputError: Its output is of no known layout, or contradicts its manifest.
    """
    own = session.metadata.get(METADATA_KEY)
    manifest = decode_manifest(own) if own is not None else _from_ultralytics(session)
    _check_ports(session, manifest)
    return manifest


def _from_ultralytics(session: Session) -> ModelManifest:
    metadata = session.metadata
    if "names" not in metadata or "task" not in metadata:
        raise InferenceError(
            f"{session.path} names neither its classes nor its task: "
            "it was exported neither by yolokit nor by ultralytics",
            hint=_HINT,
        )
    if metadata["task"] != "detect":
        raise InferenceError(
            f"{session.path} is a model for {metadata['task']!r}; this runtime runs 'detect'"
        )
    names = _names(session)
    shape = session.inputs[0].shape
    height_px, width_px = _input_size_hw(session)
    return ModelManifest(
        io=ModelIO(
            input_name=session.inputs[0].name,
            shape=_four_axes(session.inputs[0]),
            input_wh=(
                (shape[3] or width_px) if len(shape) == 4 else width_px,
                (shape[2] or height_px) if len(shape) == 4 else height_px,
            ),
            stride_px=_positive_int(session, "stride", 32),
        ),
        head=ModelHead(
            output_name=session.outputs[0].name,
            layout=_layout(session, len(names)),
            names=names,
        ),
        provenance=Provenance(
            precision="fp16" if session.inputs[0].type == "tensor(float16)" else "fp32",
            architecture=metadata.get("description", ""),
            license=metadata.get("license", ""),
            tool_versions={"ultralytics": metadata.get("version", "")},
        ),
    )


def _names(session: Session) -> tuple[str, ...]:
    """Return the class names from a Python dict or list in text form."""
    value = _literal(session, "names")
    if isinstance(value, dict) and value and sorted(value) == list(range(len(value))):
        return tuple(str(value[index]) for index in range(len(value)))
    if isinstance(value, (list, tuple)) and value:
        return tuple(str(name) for name in value)
    raise InferenceError(
        f"{session.path}: the class names in its metadata are not numbered from 0 without gaps",
        hint=_HINT,
    )


def _input_size_hw(session: Session) -> tuple[int, int]:
    """Return the height and width in px that the model was exported for."""
    if "imgsz" not in session.metadata:
        return _DEFAULT_SIZE_PX, _DEFAULT_SIZE_PX
    value = _literal(session, "imgsz")
    sides = [value, value] if isinstance(value, int) else value
    if (
        isinstance(sides, (list, tuple))
        and len(sides) == 2
        and all(isinstance(side, int) and side > 0 for side in sides)
    ):
        return int(sides[0]), int(sides[1])
    raise InferenceError(
        f"{session.path}: 'imgsz' in its metadata is {value!r}, not two sizes in px", hint=_HINT
    )


def _positive_int(session: Session, key: str, default: int) -> int:
    if key not in session.metadata:
        return default
    value = _literal(session, key)
    if isinstance(value, (int, float)) and value == int(value) and value > 0:
        return int(value)
    raise InferenceError(f"{session.path}: {key!r} in its metadata is {value!r}", hint=_HINT)


def _layout(session: Session, class_count: int) -> Literal["raw", "end2end"]:
    """Tell the two layouts apart: (B, 4 + C, A) and (B, K, 6).

    The shape decides, since what ultralytics writes as ``end2end`` changed between versions;
    the metadata decides only where the shape fits both.
    """
    shape = session.outputs[0].shape
    if len(shape) == 3:
        is_raw, is_end2end = shape[1] == 4 + class_count, shape[2] == 6
        if is_raw != is_end2end:
            return "raw" if is_raw else "end2end"
        if is_raw or {shape[1], shape[2]} == {None}:
            return "end2end" if _says_end2end(session) else "raw"
    raise ModelOutputError(
        f"{session.path}: an output of shape {_show(shape)} is neither (batch, "
        f"{4 + class_count}, anchors) for {class_count} classes nor (batch, boxes, 6)"
    )


def _says_end2end(session: Session) -> bool:
    arguments = _literal(session, "args") if "args" in session.metadata else {}
    has_nms = isinstance(arguments, dict) and bool(arguments.get("nms"))
    return has_nms or session.metadata.get("end2end") == "True"


def _check_ports(session: Session, manifest: ModelManifest) -> None:
    """Refuse a model whose graph is not what its manifest states, before the first image."""
    by_name = {port.name: port for port in session.inputs}
    port = by_name.get(manifest.io.input_name)
    if port is None or len(by_name) != 1:
        raise InferenceError(
            f"{session.path} has the inputs {', '.join(by_name)}; a detector has one, "
            f"{manifest.io.input_name!r}"
        )
    if port.type not in ("tensor(float)", "tensor(float16)"):
        raise InferenceError(f"{session.path} takes {port.type}, not floating-point pixels")
    _four_axes(port)
    _check_output(session, manifest)


def _check_output(session: Session, manifest: ModelManifest) -> None:
    head = manifest.head
    shapes = {port.name: port.shape for port in session.outputs}
    if head.output_name not in shapes:
        raise ModelOutputError(f"{session.path} has no output {head.output_name!r}")
    shape = shapes[head.output_name]
    axis, length = (1, 4 + len(head.names)) if head.layout == "raw" else (2, 6)
    if len(shape) != 3 or shape[axis] not in (None, length):
        raise ModelOutputError(
            f"{session.path}: an output of shape {_show(shape)} is not the layout "
            f"{head.layout!r} for {len(head.names)} classes"
        )


def _four_axes(port: Port) -> tuple[int | None, int | None, int | None, int | None]:
    if len(port.shape) != 4 or port.shape[1] not in (None, 3):
        raise InferenceError(
            f"the model takes an input of shape {_show(port.shape)}, not (batch, 3, height, width)"
        )
    batch, channels, height, width = port.shape
    return batch, channels, height, width


def _literal(session: Session, key: str) -> Any:
    """Read one Python literal of the metadata; nothing in it is ever executed."""
    try:
        return ast.literal_eval(session.metadata[key])
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise InferenceError(
            f"{session.path}: {key!r} in its metadata cannot be read", hint=_HINT
        ) from error


def _show(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('?' if axis is None else str(axis) for axis in shape)})"
