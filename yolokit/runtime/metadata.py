"""Read what an ONNX file says of itself: our own manifest, or the metadata of ultralytics."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from yolokit.core.task import Task
from yolokit.errors import InferenceError, ModelOutputError
from yolokit.runtime.foreign import describe_foreign
from yolokit.runtime.heads.toolkit import list_heads, load_head
from yolokit.runtime.manifest import (
    METADATA_KEY,
    MOST_SIDE_PX,
    ModelHead,
    ModelIO,
    ModelManifest,
    Provenance,
    decode_manifest,
)
from yolokit.runtime.ports import show_shape
from yolokit.runtime.tasks.toolkit import list_tasks, load_task

if TYPE_CHECKING:
    from yolokit.runtime.heads.toolkit import Head
    from yolokit.runtime.session import Session

_DEFAULT_SIZE_PX = 640
# Heads of ultralytics whose (batch, boxes, 6) is xyxy in px, score and class.
_END2END_HEADS = ("Detect", "v10Detect", "WorldDetect", "YOLOEDetect")
_RTDETR = re.compile(r"rt-?detr", re.IGNORECASE)
_BAKED_CONF = 0.25  # ultralytics' default for `nms=True`
_MAX_DET = 300
_LAYOUTS = ("raw", "end2end")  # of the heads of ultralytics
_KEYS = {"names": "classes", "task": "task"}  # what ultralytics always writes
_AS_USUAL = ", which every export of yolokit and of ultralytics does"
_TRAIN_HINT = "train a detector with `yolokit train`, and export that; or use the tool that made it"
_HINT = "export it with `yolokit export`, which writes all that a runtime needs into the file"


def read_manifest(session: Session) -> ModelManifest:
    """Return the manifest of a loaded model.

    Raises:
        InferenceError: The file says too little of itself, or this runtime does not run its task
            or read its layout.
        ModelOutputError: Its output is of no known layout, or contradicts its manifest.
    """
    own = session.metadata.get(METADATA_KEY)
    if own is not None:
        manifest = _decode_own(session, own)
        _check_task(session, manifest.head.task)
        _check_layout(session, manifest.head.layout)
    else:
        manifest = _from_ultralytics(session)
    load_task(manifest.head.task).check_ports(session, manifest)
    return manifest


def _decode_own(session: Session, text: str) -> ModelManifest:
    try:
        return decode_manifest(text)
    except InferenceError as error:
        raise InferenceError(f"{session.path}: {error.message}", hint=error.hint) from error


def _check_task(session: Session, task: str) -> None:
    known = list_tasks()
    if task not in known:
        raise InferenceError(
            f"{session.path} is a model for {task!r}; this runtime runs "
            f"{', '.join(map(repr, known))}"
        )


def _check_layout(session: Session, layout: str) -> None:
    known = list_heads()
    if layout not in known:
        raise InferenceError(
            f"{session.path} has its boxes in the layout {layout!r}; this runtime reads "
            f"{', '.join(map(repr, known))}",
            hint="update yolokit on this machine",
        )


def _from_ultralytics(session: Session) -> ModelManifest:
    metadata = session.metadata
    if "names" not in metadata or "task" not in metadata:
        raise _says_too_little(session)
    _check_task(session, metadata["task"])
    _refuse_rtdetr(session)
    names = _names(session)
    layout = _layout(session, len(names))
    suppresses = load_head(layout).SUPPRESSES_OVERLAPS
    height_px, width_px = _input_size_hw(session)
    axes = session.inputs[0].image_axes()
    return ModelManifest(
        io=ModelIO(
            input_name=session.inputs[0].name,
            shape=axes,
            input_wh=(axes[3] or width_px, axes[2] or height_px),
            stride_px=_stride_px(session),
        ),
        head=ModelHead(
            output_name=session.outputs[0].name,
            layout=layout,
            names=names,
            task=Task(metadata["task"]),
            least_score=_least_score(session) if suppresses else 0.0,
            max_det=_max_det(session, layout) if suppresses else _MAX_DET,
        ),
        provenance=Provenance(
            precision=_tell_precision(session),
            architecture=metadata.get("description", ""),
            license=metadata.get("license", ""),
            tool_versions={"ultralytics": metadata.get("version", "")},
        ),
    )


def _tell_precision(session: Session) -> str:
    """Return what a file is in that does not state it."""
    if session.is_quantized:
        return "int8"
    return "fp16" if session.inputs[0].type == "tensor(float16)" else "fp32"


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
    if isinstance(value, dict) and value and value.keys() == set(range(len(value))):
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
        and all(isinstance(side, int) and 0 < side <= MOST_SIDE_PX for side in sides)
    ):
        return int(sides[0]), int(sides[1])
    raise InferenceError(
        f"{session.path}: 'imgsz' in its metadata is {value!r}, not two sizes in px", hint=_HINT
    )


def _stride_px(session: Session) -> int:
    value = _literal(session, "stride") if "stride" in session.metadata else 32
    if isinstance(value, (int, float)) and 0 < value <= MOST_SIDE_PX and value == int(value):
        return int(value)
    raise InferenceError(f"{session.path}: 'stride' in its metadata is {value!r}", hint=_HINT)


def _layout(session: Session, class_count: int) -> str:
    """Tell the layouts of ultralytics' heads apart, by the number of values of each box.

    The shape decides, since what ultralytics writes as ``end2end`` changed between versions;
    the metadata decides only where the shape fits both.
    """
    shape = session.outputs[0].shape
    extra_count = load_task(session.metadata["task"]).count_extras(session)
    heads = {name: load_head(name) for name in _LAYOUTS}
    fitting = []
    if len(shape) == 3:
        lengths = {name: shape[3 - head.BOX_AXIS] for name, head in heads.items()}
        fitting = [
            name
            for name, head in heads.items()
            if lengths[name] == head.count_values(class_count, extra_count)
        ]
        if set(lengths.values()) == {None}:
            fitting = list(heads)
    if len(fitting) > 1:
        says = _has_nms(session) or session.metadata.get("end2end") == "True"
        fitting = [name for name in fitting if says == heads[name].SUPPRESSES_OVERLAPS]
    if fitting:
        _check_head(session, heads[fitting[0]])
        return fitting[0]
    known = " nor ".join(head.describe_shape(class_count, extra_count) for head in heads.values())
    tool = describe_foreign(session, class_count)
    raise ModelOutputError(
        f"{session.path}: an output of shape {show_shape(shape)} is neither {known}"
        + (f": it looks like {tool}, whose head is not read" if tool else ""),
        hint=_TRAIN_HINT if tool else None,
    )


def _check_head(session: Session, layout: Head) -> None:
    """Refuse rows of a head that is not known: what its columns are is not known either."""
    head = session.metadata.get("head")
    is_known = head is None or head in _END2END_HEADS or _has_nms(session)
    if is_known or not layout.SUPPRESSES_OVERLAPS:
        return
    raise InferenceError(
        f"{session.path} ends in the head {head}, and what its (batch, boxes, 6) means is not "
        f"known; this runtime reads {', '.join(_END2END_HEADS)}"
    )


def _has_nms(session: Session) -> bool:
    """Tell whether ultralytics exported it with ``nms=True``."""
    return bool(_arguments(session).get("nms"))


def _arguments(session: Session) -> dict[str, Any]:
    """Return the options of the export, as far as the file states them legibly."""
    try:
        arguments = _literal(session, "args") if "args" in session.metadata else {}
    except InferenceError:  # some hold the text of objects; the shape shows the layout as well
        return {}
    return arguments if isinstance(arguments, dict) else {}


def _least_score(session: Session) -> float:
    """Return the threshold that an NMS inside the graph has; the file may not state it."""
    if not _has_nms(session):
        return 0.0
    stated = _arguments(session).get("conf")
    return float(stated) if isinstance(stated, (int, float)) and 0 < stated <= 1 else _BAKED_CONF


def _max_det(session: Session, layout: str) -> int:
    """Return the most boxes that the graph gives for an image, or the usual limit."""
    count = session.outputs[0].shape[load_head(layout).BOX_AXIS]
    return min(count, _MAX_DET) if count else _MAX_DET


def _literal(session: Session, key: str) -> Any:
    """Read one Python literal of the metadata; nothing in it is ever executed."""
    try:
        return ast.literal_eval(session.metadata[key])
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise InferenceError(
            f"{session.path}: {key!r} in its metadata cannot be read", hint=_HINT
        ) from error
