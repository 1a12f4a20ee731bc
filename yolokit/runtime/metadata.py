"""Read what an ONNX file says of itself: our own manifest, or the metadata of ultralytics."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Literal

from yolokit.runtime.manifest import (
    METADATA_KEY,
    ModelHead,
    ModelIO,
    ModelManifest,
    Provenance,
    decode_manifest,
)
from yolokit.core.plural import counted
from yolokit.errors import InferenceError, ModelOutputError
from yolokit.runtime.foreign import describe_foreign

if TYPE_CHECKING:
    from yolokit.runtime.session import Port, Session

_DEFAULT_SIZE_PX = 640
# Heads of ultralytics whose (batch, boxes, 6) is xyxy in px, score and class.
_END2END_HEADS = ("Detect", "v10Detect", "WorldDetect", "YOLOEDetect")
_RTDETR = re.compile(r"rt-?detr", re.IGNORECASE)
_BAKED_CONF = 0.25  # ultralytics' default for `nms=True`
_MAX_COUNT = 300
_KEYS = {"names": "classes", "task": "task"}  # what ultralytics always writes
_AS_USUAL = ", which every export of yolokit and of ultralytics does"
_TRAIN_HINT = "train a detector with `yolokit train`, and export that; or use the tool that made it"
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
        raise _says_too_little(session)
    if metadata["task"] != "detect":
        raise InferenceError(
            f"{session.path} is a model for {metadata['task']!r}; this runtime runs 'detect'"
        )
    _refuse_rtdetr(session)
    names = _names(session)
    layout = _layout(session, len(names))
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
            layout=layout,
            names=names,
            least_score=_least_score(session) if layout == "end2end" else 0.0,
            max_count=_max_count(session, layout),
        ),
        provenance=Provenance(
            precision="fp16" if session.inputs[0].type == "tensor(float16)" else "fp32",
            architecture=metadata.get("description", ""),
            license=metadata.get("license", ""),
            tool_versions={"ultralytics": metadata.get("version", "")},
        ),
    )


def _says_too_little(session: Session) -> InferenceError:
    """Return the error for a file that lacks what ultralytics always writes: what, and whose."""
    lacking = [what for key, what in _KEYS.items() if key not in session.metadata]
    says = f"names neither its {' nor its '.join(lacking)}"
    if len(lacking) == 1:
        says = f"does not name its {lacking[0]}"
    class_count = len(_names(session)) if "names" in session.metadata else None
    tool = describe_foreign(session, class_count)
    return InferenceError(
        f"{session.path} {says}"
        + (f": it looks like {tool}, whose head is not read" if tool else _AS_USUAL),
        hint=_TRAIN_HINT if tool else _HINT,
    )


def _refuse_rtdetr(session: Session) -> None:
    """Refuse RT-DETR, which gives an end-to-end head's shape with boxes in fractions.

    Files of ultralytics before 8.4 have no ``head``, but name the architecture.
    """
    head = session.metadata.get("head", "")
    architecture = session.metadata.get("description", "").split(" model", 1)[0]
    if head == "RTDETRDecoder" or (not head and _RTDETR.search(architecture)):
        raise InferenceError(
            f"{session.path} is an RT-DETR model (head {head or 'RTDETRDecoder'}), whose boxes are "
            "fractions of the image; this runtime runs YOLO heads",
            hint=_TRAIN_HINT,
        )


def _names(session: Session) -> tuple[str, ...]:
    """Return the class names from a Python dict or list in text form, or from JSON."""
    value = _literal(session, "names")
    if isinstance(value, dict) and all(str(key).isdecimal() for key in value):
        value = {int(key): name for key, name in value.items()}
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
            return "raw" if is_raw else _end2end(session)
        if is_raw or {shape[1], shape[2]} == {None}:
            return _end2end(session) if _says_end2end(session) else "raw"
    tool = describe_foreign(session, class_count)
    raise ModelOutputError(
        f"{session.path}: an output of shape {_show(shape)} is neither (batch, "
        f"{4 + class_count}, anchors) for {counted(class_count, 'class', 'classes')} nor "
        "(batch, boxes, 6)" + (f": it looks like {tool}, whose head is not read" if tool else ""),
        hint=_TRAIN_HINT if tool else None,
    )


def _end2end(session: Session) -> Literal["end2end"]:
    """Return that layout, if its columns are those of a head that is known.

    Raises:
        InferenceError: The head is another one: what its boxes are is not known.
    """
    head = session.metadata.get("head")
    if head is None or head in _END2END_HEADS or _has_nms(session):
        return "end2end"
    raise InferenceError(
        f"{session.path} ends in the head {head}, and what its (batch, boxes, 6) means is not "
        f"known; this runtime reads {', '.join(_END2END_HEADS)}"
    )


def _says_end2end(session: Session) -> bool:
    return _has_nms(session) or session.metadata.get("end2end") == "True"


def _has_nms(session: Session) -> bool:
    """Tell whether ultralytics exported it with ``nms=True``."""
    return bool(_arguments(session).get("nms"))


def _arguments(session: Session) -> dict[str, Any]:
    """Return the options of the export, as far as the file states them legibly."""
    try:
        arguments = _literal(session, "args") if "args" in session.metadata else {}
    except InferenceError:  # some hold the text of objects; the shape tells the layout as well
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _least_score(session: Session) -> float:
    """Return the threshold that an NMS inside the graph has; the file may not state it."""
    if not _has_nms(session):
        return 0.0
    stated = _arguments(session).get("conf")
    return float(stated) if isinstance(stated, (int, float)) and 0 < stated <= 1 else _BAKED_CONF


def _max_count(session: Session, layout: str) -> int:
    """Return the most boxes that the graph gives for an image, or the usual limit."""
    rows = session.outputs[0].shape[1] if layout == "end2end" else None
    return min(rows, _MAX_COUNT) if rows else _MAX_COUNT


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
            f"{head.layout!r} for {counted(len(head.names), 'class', 'classes')}"
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
