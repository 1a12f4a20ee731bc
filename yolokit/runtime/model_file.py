"""The file of a model, looked at before anything runs it."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

from yolokit.core.suggest import nearest
from yolokit.errors import InferenceError
from yolokit.files.file_kind import POINTER, read_kind
from yolokit.files.regular_file import is_there, why_no_file
from yolokit.runtime.onnx_header import OnnxHeader, read_header

if TYPE_CHECKING:
    from pathlib import Path

# What to do about another file that is given as a model, by its group.
_HINTS = {
    "checkpoint": "make an ONNX file of it with `yolokit export`",
    "model": "yolokit runs ONNX files; export one from the checkpoint with `yolokit export`",
}


_EXPORT_FIRST = "it takes an ONNX file: `yolokit export BEST.pt` makes one of a checkpoint"


def check_model_file(path: Path) -> None:
    """Refuse a path that cannot be an ONNX file, without opening it.

    Raises:
        InferenceError: It is not there, not a file, or a checkpoint.
    """
    reason = why_no_file(path)
    if path.suffix.lower() in (".pt", ".pth"):
        if reason is None and read_kind(path) == POINTER:
            raise InferenceError(f"{path} is {POINTER.name}", hint=POINTER.hint)
        if not is_there(path):
            raise InferenceError(f"there is no file {path}", hint=_EXPORT_FIRST)
        raise InferenceError(
            f"{path} holds trained weights, not an ONNX model",
            hint=f"make one with `yolokit export {path}`",
        )
    if reason is None:
        return
    if is_there(path):
        inside = sorted(path.glob("*.onnx")) if path.is_dir() else []
        hint = f"did you mean {inside[0]}?" if inside else _EXPORT_FIRST
        raise InferenceError(f"{path} {reason}", hint=hint)
    siblings = [p.name for p in path.parent.glob("*.onnx")] if path.parent.is_dir() else []
    guess = nearest(path.name, siblings)
    raise InferenceError(
        f"there is no model {path}",
        hint=f"did you mean {path.with_name(guess)}?" if guess else _EXPORT_FIRST,
    )


def open_model_file(path: Path) -> OnnxHeader:
    """Return what an ONNX file says of itself.

    Raises:
        InferenceError: It is missing, broken or another kind of file.
    """
    check_model_file(path)
    try:
        return read_header(path)
    except InferenceError as error:
        kind = read_kind(path)
        if kind is None:
            raise InferenceError(f"{path} could not be loaded: {error.message}") from error
        raise InferenceError(
            f"{path} is not an ONNX model: it is {kind.name}",
            hint=_HINTS.get(kind.group, kind.hint),
        ) from error


def is_quantized(path: Path) -> bool:
    """Tell whether a graph rounds to eight bits, which engines do a little differently."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as file:
        return file.find(b"QuantizeLinear") >= 0
