"""Providers that a build of onnxruntime has in it."""

from __future__ import annotations

import contextlib
import io
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yolokit.errors import InferenceError
from yolokit.runtime.providers.toolkit import Provider
from yolokit.runtime.providers.toolkit.ort import (
    OrtEngine,
    find_ort,
    make_options,
    missing_ort,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yolokit.runtime.providers.toolkit import Engine, EngineOptions

_CPU = "CPUExecutionProvider"
_TF32_VARIABLE = "NVIDIA_TF32_OVERRIDE"


def built_in(
    ort_name: str,
    *,
    configure: Callable[[Path, EngineOptions], Mapping[str, str]] = lambda _path, _options: {},
    prepare: Callable[[Any], None] = lambda _ort: None,
    rank: int | None = None,
    extra: str | None = None,
    install: str | None = None,
    precisions: tuple[str, ...] = ("fp32",),
    on_cores: bool = False,
) -> Provider:
    """Return the provider that onnxruntime calls ``ort_name``.

    Args:
        ort_name: Such as ``CUDAExecutionProvider``.
        configure: Makes its own options of the model and the options of an engine.
        prepare: Called with onnxruntime before it is loaded.
        rank: As in :class:`Provider`, like the rest.
        extra: See there.
        install: See there.
        precisions: See there.
        on_cores: See there.
    """

    def open_engine(path: Path, options: EngineOptions) -> Engine:
        ort = find_ort()
        if ort is None:
            raise missing_ort()
        prepare(ort)
        chain = [(ort_name, dict(configure(path, options))), (_CPU, {})]
        engine = OrtEngine(ort, path, make_options(ort, options), tuple(dict(chain).items()))
        if ort_name not in engine.loaded:
            # onnxruntime itself goes on with the CPU in this case, and says so in its log alone.
            raise InferenceError("it finds no device")
        return engine

    return Provider(
        open=open_engine,
        version=partial(_version, ort_name),
        rank=rank,
        extra=extra,
        install=install,
        precisions=precisions,
        on_cores=on_cores,
        explain=partial(_explain, ort_name),
    )


def preload_cuda(ort: Any) -> None:
    """Let onnxruntime find the CUDA libraries of the ``nvidia-*`` packages."""
    if hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints; stdout is for results
            ort.preload_dlls()


def refuse_tf32() -> None:
    """Have NVIDIA's libraries compute FP32 in FP32, where no option of onnxruntime says so.

    On its own TensorRT takes TF32. The libraries read this variable (docs.nvidia.com/deeplearning/
    tensorrt, TF32). It is not put into ``os.environ``, from which training in a process of its own
    would inherit it.
    """
    if _TF32_VARIABLE not in os.environ:
        os.putenv(_TF32_VARIABLE, "0")


def _version(ort_name: str) -> str | None:
    ort = find_ort()
    if ort is None or ort_name not in ort.get_available_providers():
        return None
    return f"onnxruntime {ort.__version__}"


def _explain(ort_name: str, reason: str) -> str:
    """Return why a provider's library does not load, in the system's words, if it does not."""
    import ctypes

    ort = find_ort()
    stem = ort_name.removesuffix("ExecutionProvider").lower()
    folder = Path(ort.__file__).parent / "capi" if ort is not None else Path()
    for library in sorted(folder.glob(f"*onnxruntime_providers_{stem}.*")):
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            return str(error)
    return reason
