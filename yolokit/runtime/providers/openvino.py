"""CPUs of Intel, AMD and Arm through OpenVINO.

The package ``openvino`` runs a model itself. Where only onnxruntime's library of it is installed,
that one does; it has processors of Intel alone.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from yolokit.runtime.providers.toolkit import Provider
from yolokit.runtime.providers.toolkit import native_openvino as native
from yolokit.runtime.providers.toolkit.plugin_library import plugged_in

if TYPE_CHECKING:
    from pathlib import Path

    from yolokit.runtime.providers.toolkit import Engine, EngineOptions

_DEVICE = "CPU"
_PRECISIONS = ("fp32", "bf16", "fp16")


def _configure(_path: Path, options: EngineOptions) -> dict[str, str]:
    return {"load_config": json.dumps({_DEVICE: native.configure(options, _DEVICE)})}


def _open(path: Path, options: EngineOptions) -> Engine:
    if native.is_installed():
        return native.OpenVinoEngine(path, options, _DEVICE)
    return _LIBRARY.open(path, options)


def _version() -> str | None:
    return native.version() or _LIBRARY.version()


def _list_precisions() -> tuple[str, ...]:
    """Return what this processor has; of onnxruntime's library only what all have."""
    return native.list_precisions(_DEVICE) if native.is_installed() else _LIBRARY.precisions


_LIBRARY = plugged_in(
    "onnxruntime_ep_openvino",
    "OpenVINOExecutionProvider",
    devices=(_DEVICE,),
    configure=_configure,
)
PROVIDER = Provider(
    open=_open,
    version=_version,
    rank=6,
    extra="openvino",
    on_cores=True,
    precisions=_PRECISIONS,
    precisions_here=_list_precisions,
)
